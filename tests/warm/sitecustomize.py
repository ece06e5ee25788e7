"""Makes `python -m ecgwas` a client of the warm process, if there is one; see __init__.py."""

import os
import sys

if os.environ.get("ECGWAS_WARM_SOCKET") and sys.orig_argv[1:3] == ["-m", "ecgwas"]:
    import json
    import socket

    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ["ECGWAS_WARM_SOCKET"])
        about = json.dumps([sys.orig_argv[3:], dict(os.environ), os.getcwd()]).encode()  # noqa: PTH109 (pathlib loads slowly)
        socket.send_fds(connection, [len(about).to_bytes(8, "big")], [0, 1, 2])
        connection.sendall(about)
        connection.recv(8)
        code = connection.recv(1)
    os._exit(code[0] if code else 1)
