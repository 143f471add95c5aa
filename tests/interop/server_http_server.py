"""Python's http.server, which speaks HTTP/1.0: files, and answers that end with the connection."""

import http.server
import sys
import time


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        match self.path:
            case "/close-delimited":
                self.send_response(200)
                self.end_headers()
                for n in range(5):
                    self.wfile.write(b"%d\n" % n)
                    self.wfile.flush()
                    time.sleep(0.02)
            case "/empty":
                self.send_response(200)
                self.end_headers()
            case "/http-0.9":
                self.wfile.write(b"no head at all\n")
            case _:
                super().do_GET()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.end_headers()
        self.wfile.write(b"got " + body)

    def log_message(self, *_):
        pass

    def __init__(self, *arguments):
        super().__init__(*arguments, directory=sys.argv[1])


with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    host, port = server.server_address
    print(f"listening on http://{host}:{port}")
    server.serve_forever()
