# SPDX-License-Identifier: MIT
"""How python3-websockets is to compress, by the environment variable GDWS_COMPRESSION."""
import os

from websockets.extensions.permessage_deflate import (ClientPerMessageDeflateFactory,
                                                      ServerPerMessageDeflateFactory)

MODES = {
    "usual": {},
    "no-context": {"server_no_context_takeover": True, "client_no_context_takeover": True},
    "small-windows": {"server_max_window_bits": 9, "client_max_window_bits": 9},
    "odd-windows": {"server_max_window_bits": 15, "client_max_window_bits": 10,
                    "client_no_context_takeover": True},
}


def options(factory):
    name = os.environ.get("GDWS_COMPRESSION")
    extensions = [factory(**MODES[name])] if name else None
    return {"compression": None, "extensions": extensions, "max_size": None}


def of_client():
    return options(ClientPerMessageDeflateFactory)


def of_server():
    return options(ServerPerMessageDeflateFactory)
