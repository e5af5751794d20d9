"""libnftables(3) in this process: rules are changed in a tenth of a millisecond, without nft(8)."""

import ctypes
import errno
import os
from typing import Final

_LIBRARY: Final = "libnftables.so.1"
_NAMES: Final = {os.strerror(number): number for number in errno.errorcode}


class Nftables:
    """Runs commands in the language of nft(8), all of a text or none. Not for several threads."""

    def __init__(self) -> None:
        """Raises OSError where the library is missing or the kernel answers no netlink socket."""
        library = ctypes.CDLL(_LIBRARY)  # OSError, with a sentence and without a number
        library.nft_ctx_new.restype = ctypes.c_void_p
        library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        for function in (
            library.nft_ctx_free,
            library.nft_ctx_buffer_error,
            library.nft_ctx_buffer_output,
            library.nft_ctx_get_error_buffer,
        ):
            function.argtypes = [ctypes.c_void_p]
        library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        self._library = library
        self._context = library.nft_ctx_new(0)
        if not self._context:
            raise OSError(errno.ENOMEM, "libnftables gives no context")
        library.nft_ctx_buffer_error(self._context)
        library.nft_ctx_buffer_output(self._context)

    def close(self) -> None:
        """Give the netlink socket back; it is the last that is done."""
        self._library.nft_ctx_free(self._context)

    def run(self, commands: str) -> None:
        """Raises OSError with what the kernel or the parser had against it; nothing is changed then."""
        failed = self._library.nft_run_cmd_from_buffer(self._context, commands.encode())
        # Reading the text empties the buffer, so it must be done in any case.
        said = self._library.nft_ctx_get_error_buffer(self._context) or b""
        if failed:
            line = next(iter(said.decode("utf-8", "replace").splitlines()), "no reason given")
            reason = line.rpartition(": ")[2].partition(";")[0]  # "...; did you mean"
            raise OSError(_NAMES.get(reason, errno.EINVAL), reason or line)
