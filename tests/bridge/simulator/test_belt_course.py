from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.bridge.simulator.belt_course import Course, CourseError

RUN_STOP_REVERSE = Course.read("400:20,0:3,-200:2")
COURSES = st.builds(
    Course,
    st.lists(st.tuples(st.floats(-5000, 5000), st.floats(0.01, 60)), min_size=1, max_size=6).map(
        tuple
    ),
)


@pytest.mark.parametrize(
    ("t_s", "speed_mm_s", "travel_mm"),
    [
        (0, 400, 0),
        (10, 400, 4000),
        (21, 0, 8000),
        (24, -200, 7800),
        (25, 400, 7600),
        (50, 400, 15200),
    ],
)
def test_a_course_of_run_stop_and_reverse_repeats(
    t_s: float, speed_mm_s: float, travel_mm: float
) -> None:
    assert RUN_STOP_REVERSE.speed_at(t_s) == speed_mm_s
    assert RUN_STOP_REVERSE.travel_mm(t_s) == pytest.approx(travel_mm)


@given(COURSES, st.floats(0, 300), st.floats(0, 1))
def test_travel_never_exceeds_speed_times_time(course: Course, t_s: float, more_s: float) -> None:
    fastest = max(abs(speed) for speed, _ in course.stretches)
    travel_mm = course.travel_mm(t_s + more_s) - course.travel_mm(t_s)
    assert abs(travel_mm) <= fastest * more_s + 0.01


@pytest.mark.parametrize(
    "text", ["", "400", "400:", "fast:3", "400:0", "400:-1", "9000:1", "nan:1"]
)
def test_an_invalid_course_is_refused(text: str) -> None:
    with pytest.raises(CourseError, match="--course"):
        Course.read(text)
