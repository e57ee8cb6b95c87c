from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.bridge.simulator.belt_course import Course, CourseError

RUN_STAND_BACK = Course.read("400:20,0:3,-200:2")
COURSES = st.builds(
    Course,
    st.lists(st.tuples(st.floats(-5000, 5000), st.floats(0.01, 60)), min_size=1, max_size=6).map(
        tuple
    ),
)


@pytest.mark.parametrize(
    ("t_s", "speed_mm_s", "way_mm"),
    [
        (0, 400, 0),
        (10, 400, 4000),
        (21, 0, 8000),
        (24, -200, 7800),
        (25, 400, 7600),
        (50, 400, 15200),
    ],
)
def test_a_belt_runs_stands_and_runs_back_over_and_over(
    t_s: float, speed_mm_s: float, way_mm: float
) -> None:
    assert RUN_STAND_BACK.speed_at(t_s) == speed_mm_s
    assert RUN_STAND_BACK.way_mm(t_s) == pytest.approx(way_mm)


@given(COURSES, st.floats(0, 300), st.floats(0, 1))
def test_no_belt_leaps(course: Course, t_s: float, more_s: float) -> None:
    fastest = max(abs(speed) for speed, _ in course.stretches)
    way_mm = course.way_mm(t_s + more_s) - course.way_mm(t_s)
    assert abs(way_mm) <= fastest * more_s + 0.01


@pytest.mark.parametrize(
    "text", ["", "400", "400:", "fast:3", "400:0", "400:-1", "9000:1", "nan:1"]
)
def test_a_course_that_no_belt_can_run_is_refused(text: str) -> None:
    with pytest.raises(CourseError, match="--course"):
        Course.read(text)
