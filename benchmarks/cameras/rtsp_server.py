"""A network camera: GStreamer's RTSP server, with faults to order.

Run by the system's Python, which has the bindings (Debian: gir1.2-gst-rtsp-server-1.0,
python3-gi, python3-numpy, gstreamer1.0-plugins-{base,good,bad,ugly}, gstreamer1.0-libav):

    /usr/bin/python3 benchmarks/cameras/rtsp_server.py --fps 15 --clock

It prints `serving rtsp://127.0.0.1:PORT/belt` once clients may connect. Then each line on its
standard input is an order, and is answered by `done ORDER CLOCK_MONOTONIC_NS` (the time from which
it holds) or by `unknown ORDER`:

    play          images again, of the first size; listens again after `away`
    stall         no more images; the connections stay
    freeze        repeats the last image as it was
    dark          black images
    size WxH      images of another size, in the same stream
    lose P        each coded image is lost with this probability, before it is packed; 0: none
    break         closes all connections; new ones are served
    away          closes all connections, and refuses new ones until `play`

End of input ends the server. A camera that hangs completely is this process after SIGSTOP.

`--clock` draws CLOCK_MONOTONIC (0.1 ms, 32 bits and a check byte) as squares into the top left
corner of each image when it is taken, for `read_clock` of `picture_clock.py`.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time

import gi
import numpy as np

for library in ("Gst", "GstApp", "GstRtsp", "GstRtspServer"):
    gi.require_version(library, "1.0")
from gi.repository import GLib, Gst, GstApp, GstRtsp, GstRtspServer  # noqa: E402, F401
from picture_clock import draw_clock  # noqa: E402 - found beside this file

ENCODERS = {
    "h264": "x264enc name=encoder tune=zerolatency speed-preset=ultrafast bitrate=3000 threads=1 "
    "sliced-threads=false key-int-max={gop} bframes={b_frames} ! identity name=loss ! h264parse ! "
    "rtph264pay config-interval=-1 name=pay0 pt=96",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast bitrate=3000 key-int-max={gop} ! "
    "identity name=loss ! h265parse ! rtph265pay config-interval=-1 name=pay0 pt=96",
    "mjpeg": "jpegenc quality=80 ! identity name=loss ! rtpjpegpay name=pay0 pt=26",
}
SENDER_CLOCKS = {"ntp": 0, "running": 2}
"""Values of rtpbin's `ntp-time-source`: the machine's clock; seconds since the stream's start, as
of a camera that was never set."""


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A network camera with faults to order.")
    parser.add_argument("--port", type=int, default=0, help="0: the system chooses")
    parser.add_argument("--fps", type=float, default=15.0)
    parser.add_argument("--codec", choices=ENCODERS, default="h264")
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--gop", type=int, default=30, help="images from key frame to key frame")
    parser.add_argument("--b-frames", type=int, default=0)
    parser.add_argument(
        "--footage",
        help="film to play again and again: its position is CLOCK_MONOTONIC modulo its duration, "
        "so that the belt runs on while no image is sent; default: a drawn belt",
    )
    parser.add_argument("--clock", action="store_true", help="draw the clock into the images")
    parser.add_argument("--sender-clock", choices=SENDER_CLOCKS, default="ntp")
    parser.add_argument("--user")
    parser.add_argument("--password", default="")
    parser.add_argument("--protocol", choices=("tcp", "udp", "both"), default="both")
    return parser.parse_args()


class Belt:
    """Images of a belt: a film played for ever, or drawn material that moves to the right."""

    def __init__(self, footage: str | None, fps: float) -> None:
        self._pipeline = None
        self._fps = fps
        self._due = 0.0
        self._last: np.ndarray | None = None
        if footage is not None:
            self._pipeline = Gst.parse_launch(
                f'filesrc location="{footage}" ! decodebin ! videoconvert ! videoscale ! '
                "video/x-raw,format=BGR ! appsink name=out sync=false max-buffers=2"
            )
            self._pipeline.set_state(Gst.State.PLAYING)
            self._pipeline.get_state(Gst.CLOCK_TIME_NONE)
            self._duration_s = self._pipeline.query_duration(Gst.Format.TIME)[1] / Gst.SECOND
            self._out = self._pipeline.get_by_name("out")
            self._shown_s = 0.0
        else:
            drawn = np.random.default_rng(1).integers(30, 226, (9, 64, 3), np.uint8)
            self._belt = drawn.repeat(40, 0).repeat(40, 1)

    def next(self, width: int, height: int) -> np.ndarray:
        """The next image, `(height, width, 3)` uint8 BGR, to be changed by the caller."""
        image = self._drawn() if self._pipeline is None else self._played()
        rows = np.arange(height) * image.shape[0] // height
        columns = np.arange(width) * image.shape[1] // width
        return image[rows[:, None], columns]

    def _drawn(self) -> np.ndarray:
        self._due += 200 / self._fps  # px: 200 a second
        return np.roll(self._belt, round(self._due), 1)[:, :640]

    def _played(self) -> np.ndarray:
        due_s = round(time.monotonic() * self._fps) / self._fps % self._duration_s
        if not 0 <= due_s - self._shown_s < 2:  # from the start again, or after a pause
            at = Gst.SeekFlags.FLUSH | Gst.SeekFlags.KEY_UNIT | Gst.SeekFlags.SNAP_BEFORE
            self._pipeline.seek_simple(Gst.Format.TIME, at, round(due_s * Gst.SECOND))
        while True:
            sample = self._out.emit("pull-sample")
            if sample is None:  # the end
                self._pipeline.seek_simple(Gst.Format.TIME, Gst.SeekFlags.FLUSH, 0)
                due_s = 0.0
                continue
            buffer = sample.get_buffer()
            self._shown_s = buffer.pts / Gst.SECOND
            if self._shown_s + 1e-3 < due_s:
                continue
            caps = sample.get_caps().get_structure(0)
            width, height = caps.get_value("width"), caps.get_value("height")
            held, mapped = buffer.map(Gst.MapFlags.READ)
            assert held
            line = (3 * width + 3) // 4 * 4  # GStreamer pads each row to four bytes
            rows = np.frombuffer(mapped.data, np.uint8)[: height * line].reshape(height, line)
            image = rows[:, : 3 * width].reshape(height, width, 3).copy()
            buffer.unmap(mapped)
            return image


class Camera:
    """What is sent, as ordered."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        self._first_size = tuple(int(side) for side in given.size.split("x"))
        self.size = self._first_size
        self.state = "play"
        self.loss = 0.0
        self._belt = Belt(given.footage, given.fps)
        self._one_feed = threading.Lock()

    def play(self) -> None:
        self.state, self.size, self.loss = "play", self._first_size, 0.0

    def feed(self, media: GstRtspServer.RTSPMedia) -> None:
        """Push images into a media at the rate of capture, until it has no client any more."""
        bin_ = media.get_element()
        source, loss = bin_.get_by_name("source"), bin_.get_by_name("loss")
        ended = threading.Event()
        media.connect("unprepared", lambda _: ended.set())
        threading.Thread(target=self._feed, args=(source, loss, ended), daemon=True).start()

    def _feed(self, source: Gst.Element, loss: Gst.Element, ended: threading.Event) -> None:
        given = self._given
        due_s = 0.0
        size: tuple[int, int] | None = None
        image: np.ndarray | None = None
        while not ended.wait(max(0.0, due_s - time.monotonic())):
            # At whole periods of the clock, where a film's images are.
            due_s = (round(time.monotonic() * given.fps) + 1) / given.fps
            loss.set_property("drop-probability", self.loss)
            if self.state == "stall":
                continue
            if self.state != "freeze" or image is None or size != self.size:
                with self._one_feed:  # the last client's may not have ended
                    image = self._belt.next(*self.size)
                if self.state == "dark":
                    image[:] = 0
                elif given.clock:
                    draw_clock(image, time.monotonic_ns())
            if size != self.size:
                size = self.size
                caps = f"video/x-raw,format=BGR,width={size[0]},height={size[1]}"
                rate = f"framerate={round(given.fps * 1000)}/1000"
                source.set_property("caps", Gst.Caps.from_string(f"{caps},{rate}"))
            pixels = Gst.Buffer.new_wrapped(_padded(image))
            if source.emit("push-buffer", pixels) != Gst.FlowReturn.OK:
                break


def _padded(image: np.ndarray) -> bytes:
    """With rows of a multiple of four bytes, as GStreamer has them."""
    return np.pad(image.reshape(len(image), -1), ((0, 0), (0, -3 * image.shape[1] % 4))).tobytes()


def _report_by(clock: str, media: GstRtspServer.RTSPMedia) -> None:
    """Have the media's reports give the ordered clock."""
    children = media.get_element().get_parent().children
    (rtpbin,) = (child for child in children if child.get_name().startswith("rtpbin"))
    rtpbin.set_property("ntp-time-source", SENDER_CLOCKS[clock])


class Server:
    """Listens, serves the camera at `/belt`, and carries out orders."""

    def __init__(self, given: argparse.Namespace, camera: Camera) -> None:
        self._camera = camera
        self._server = GstRtspServer.RTSPServer()
        self._server.set_address("127.0.0.1")
        self._server.set_service(str(given.port))
        coder = ENCODERS[given.codec].format(gop=given.gop, b_frames=given.b_frames)
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(
            "( appsrc name=source is-live=true do-timestamp=true format=time block=false ! "
            f"videoconvert ! video/x-raw,format=I420 ! {coder} )"
        )
        factory.set_shared(True)

        def configure(_: object, media: GstRtspServer.RTSPMedia) -> None:
            media.connect("prepared", lambda media: _report_by(given.sender_clock, media))
            camera.feed(media)

        factory.connect("media-configure", configure)
        lower = GstRtsp.RTSPLowerTrans
        both = lower.UDP | lower.TCP
        factory.set_protocols({"tcp": lower.TCP, "udp": lower.UDP, "both": both}[given.protocol])
        if given.user:
            self._ask_for(given.user, given.password, factory)
        self._server.get_mount_points().add_factory("/belt", factory)
        self._source = self._server.attach(None)
        self.port = self._server.get_bound_port()
        self._server.set_service(str(self.port))
        # Sessions of clients that went without a word.
        GLib.timeout_add_seconds(5, lambda: (self._server.get_session_pool().cleanup(), True)[1])

    def order(self, line: str) -> bool:
        """Carry it out; False: there is no such order."""
        camera = self._camera
        word, _, rest = line.partition(" ")
        if word == "play":
            camera.play()
            if not self._source:
                self._source = self._server.attach(None)
        elif word in ("stall", "freeze", "dark"):
            camera.state = word
        elif word == "size":
            width, height = rest.split("x")
            camera.size = int(width), int(height)
        elif word == "lose":
            camera.loss = float(rest)
        elif word in ("break", "away"):
            if word == "away" and self._source:
                GLib.Source.remove(self._source)
                self._source = 0
            self._server.client_filter(lambda *_: GstRtspServer.RTSPFilterResult.REMOVE)
        else:
            return False
        return True

    def _ask_for(self, user: str, password: str, factory: GstRtspServer.RTSPMediaFactory) -> None:
        login = GstRtspServer.RTSPAuth()
        login.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        login.add_digest(user, password, token)
        self._server.set_auth(login)
        role = "user,media.factory.access=true,media.factory.construct=true"
        factory.add_role_from_structure(Gst.Structure.new_from_string(role))


def _listen(server: Server, loop: GLib.MainLoop) -> None:
    """Orders come on another thread; the server's thread carries them out."""

    def carry_out(line: str) -> bool:
        answer = "done" if server.order(line) else "unknown"
        print(answer, line, time.monotonic_ns(), flush=True)
        return False

    for line in sys.stdin:
        GLib.idle_add(carry_out, line.strip())
    loop.quit()


def main() -> None:
    given = options()
    Gst.init(None)
    server = Server(given, Camera(given))
    print(f"serving rtsp://127.0.0.1:{server.port}/belt", flush=True)
    loop = GLib.MainLoop()
    threading.Thread(target=_listen, args=(server, loop), daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
