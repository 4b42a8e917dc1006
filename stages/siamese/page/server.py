"""Serves the page on this machine only, and leaves no file behind."""

import importlib.util
import os
import signal
import socket
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from siamese.errors import InputError
from siamese.photos.verifier import Verifier

HOST = "127.0.0.1"
# What Gradio and huggingface_hub ask elsewhere if nobody forbids it.
NOTHING_ELSEWHERE = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_SHARE": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}
# A browser then loads nothing from elsewhere, whatever the page asks for.
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; form-action 'self'"
)


def listen(port: int) -> socket.socket:
    """Return a socket that listens on this machine.

    Args:
        port: 0 for any that is free.

    Raises:
        InputError: the port is in use, or not allowed.
    """
    if not 0 <= port < 2**16:
        raise InputError(f"the port is {port}; it takes a number from 0 to 65535")
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise InputError(f"port {port}: {reason}; choose another one with --port") from None


def check() -> None:
    """Make sure that Gradio is there.

    Raises:
        InputError: it is not installed.
    """
    if importlib.util.find_spec("gradio") is None:
        raise InputError('the page needs Gradio: pip install -e ".[demo]"')


def serve(verifier: Verifier, listening: socket.socket, gallery: Path | None, keep: bool) -> None:
    """Serve the page until Ctrl-C.

    Args:
        verifier: that is asked.
        listening: where requests come in.
        gallery: folder that the page starts with, or None.
        keep: keep a gallery's embeddings in the user's cache.
    """
    import uvicorn

    for name in ("SIGTERM", "SIGHUP"):  # which else end the process before files are deleted
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    with (
        suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="siamese-", ignore_cleanup_errors=True) as folder,
        ThreadPoolExecutor(1) as executor,
    ):
        server = uvicorn.Server(
            uvicorn.Config(
                _app(verifier, Path(folder), executor, gallery, keep),
                log_level="critical",
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )
        print(f"http://{HOST}:{listening.getsockname()[1]} (Ctrl-C ends it)", flush=True)
        server.run([listening])


def _app(
    verifier: Verifier,
    folder: Path,
    executor: ThreadPoolExecutor,
    gallery: Path | None,
    keep: bool,
) -> Any:
    """Return the page as a web application that keeps its files in a folder."""
    uploads, drawn = folder / "uploads", folder / "drawn"
    uploads.mkdir()
    drawn.mkdir()
    os.environ.update(NOTHING_ELSEWHERE, GRADIO_TEMP_DIR=str(uploads))
    import fastapi
    import gradio as gr
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from siamese.page import examples
    from siamese.page.layout import Page
    from siamese.page.uploads import Uploads
    from siamese.photos import loading

    future = executor.submit(examples.draw, drawn)
    blocks = Page(verifier, Uploads(uploads), future, gallery, keep).build()
    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(_Sealed)
    # A page from elsewhere that has its name lead to this machine is refused.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    system = ["system-ui", "sans-serif"]  # Gradio's own fonts come from Google
    return gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        server_name=HOST,
        footer_links=[],
        run_history=False,
        show_error=True,
        max_file_size=loading.MOST_BYTES,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        theme=gr.themes.Default(primary_hue="blue", font=system, font_mono=["monospace"]).set(
            body_text_color_subdued="*neutral_500", block_info_text_color="*neutral_500"
        ),
        css_paths=[Path(__file__).with_name("style.css")],
    )


class _Sealed:
    """Tells browsers to load nothing from elsewhere, and to keep no photograph.

    Args:
        app: that answers.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        from starlette.datastructures import MutableHeaders

        async def send_sealed(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                if "/file=" in scope["path"]:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self.app(scope, receive, send_sealed)
