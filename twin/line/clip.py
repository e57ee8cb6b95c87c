"""H.264 clips through PyAV (extra `twin`); OpenCV's own writer has no libx264."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from twin.drawn.shading import Image
from twin.line.scenario import Video


class ClipError(RuntimeError):
    """The clip cannot be written; one line that names the fix."""


class ClipWriter:
    """Writes BGR frames of one size: yuv420p, closed GOPs of about one second, seekable."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float, video: Video) -> None:
        try:
            import av
        except ImportError as error:
            raise ClipError("rendering needs PyAV: pip install 'vigitri[twin]'") from error
        self._av: Any = av
        self._output: Any = av.open(str(path), "w", options={"movflags": "+faststart"})
        rate = Fraction(fps).limit_denominator(1001)
        stream: Any = self._output.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = (*size, "yuv420p")
        second = max(1, round(fps))
        stream.options = {
            "crf": f"{video.crf:g}",
            "preset": video.preset,
            "x264-params": f"keyint={second}:min-keyint={second}:scenecut=0:open-gop=0",
        }
        # Tagged BT.601: swscale converts to it and OpenCV assumes it when reading.
        stream.codec_context.colorspace = 6
        stream.codec_context.color_range = 1
        self._stream = stream

    def write(self, image: Image) -> None:
        """Appends one frame, uint8 BGR `(h, w, 3)`."""
        frame = self._av.VideoFrame.from_ndarray(image, format="bgr24")
        self._output.mux(self._stream.encode(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._output.mux(self._stream.encode())
        self._output.close()
