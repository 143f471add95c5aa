"""hyper-h2 on a plain socket, by prior knowledge, against `barewire echo`."""

import socket
import urllib.parse

import h2.config
import h2.connection
import h2.events

from checks import base_url, digest, equal, noise

URL = urllib.parse.urlsplit(base_url())
BODY = noise(40_000)


def head(method, path):
    return [
        (":method", method),
        (":scheme", "http"),
        (":authority", URL.netloc),
        (":path", path),
    ]


def exchange(sock, connection, streams):
    """What comes on each of the streams: status, body, trailers."""
    answers = {stream: [None, b"", None] for stream in streams}
    open_streams = set(streams)
    while open_streams:
        data = sock.recv(65536)
        if not data:
            raise SystemExit("the server closed the connection")
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                answers[event.stream_id][0] = dict(event.headers)[b":status"]
            elif isinstance(event, h2.events.DataReceived):
                answers[event.stream_id][1] += event.data
                connection.acknowledge_received_data(
                    event.flow_controlled_length, event.stream_id
                )
            elif isinstance(event, h2.events.TrailersReceived):
                answers[event.stream_id][2] = event.headers
            elif isinstance(event, h2.events.StreamEnded):
                open_streams.discard(event.stream_id)
            elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                raise SystemExit(f"FAILED: {event}")
        sock.sendall(connection.data_to_send())
    return answers


with socket.create_connection((URL.hostname, URL.port), timeout=90) as sock:
    config = h2.config.H2Configuration(client_side=True)
    connection = h2.connection.H2Connection(config=config)
    connection.initiate_connection()
    for path in ["/hello", "/bytes/500000", "/status/404", "/trailers"]:
        connection.send_headers(connection.get_next_available_stream_id(), head("GET", path), True)
    sock.sendall(connection.data_to_send())
    answers = exchange(sock, connection, [1, 3, 5, 7])
    equal("GET", answers[1][:2], [b"200", b"Hello, World!"])
    equal("half a million bytes", len(answers[3][1]), 500_000)
    equal("status", answers[5][0], b"404")
    equal("trailers", bool(answers[7][2]), True)

    connection.send_headers(9, head("POST", "/echo"))
    for at in range(0, len(BODY), 10_000):
        connection.send_data(9, BODY[at : at + 10_000], pad_length=7)
    connection.send_headers(9, [("x-checksum", "1")], end_stream=True)
    sock.sendall(connection.data_to_send())
    equal("POST with trailers", digest(exchange(sock, connection, [9])[9][1]), digest(BODY))
    connection.close_connection()
    sock.sendall(connection.data_to_send())
    while sock.recv(65536):
        pass
    print("ok: the server closes after GOAWAY")
