#!/usr/bin/env python3
"""A bad line: relays TCP connections and does to them what lines do, or answers itself as a server
that is none.

    relay.py --listen PORT --to PORT [--control FILE] [KEY=VALUE ...]

What is to be done is KEY=VALUE words, on the command line or in the control file, which replaces the
former words for connections old and new, and is repeated in FILE.seen from when on it holds:

    delay=SECONDS     each way, each block of at most 32 KB
    rate=BYTES        a second, each way
    cut=N             after N bytes the connection ends in both directions
    reset=N           after N bytes both sides get a RST
    hole=N            after N bytes nothing more comes through in this direction
    corrupt=N         the N-th byte is another one, once in a connection
    way=up|down|both  in which direction cut, reset, hole and corrupt count (up: to the server)
    times=N           how many connections these four befall, the others are sound (default: all)
    drop=N            the next N connections are closed at once, as a full MaxStartups does
    play=ROLE         is the server: "silent" (accepts, says nothing), "garbage" (random bytes for
                      ever), "banner" (lines without end before the version), "line" (one line
                      without end), "drip" (a byte of a banner each second), "trickle" (2 KB of it,
                      twice a second), "http"

Bytes count from the beginning of a connection. Prints "ready" when it listens."""
import argparse
import os
import select
import socket
import struct
import sys
import threading
import time

BLOCK = 32768
words = {}
control_seen = None
lock = threading.Lock()
struck = 0


def read_words(items):
    return dict(item.split("=", 1) for item in items)


def number(key, default=None):
    return float(words[key]) if key in words else default


def watch(path):
    """New words put an end to the count of those that were struck."""
    global words, control_seen, struck
    while True:
        try:
            with open(path) as file:
                text = file.read()
        except FileNotFoundError:
            text = None
        if text is not None and text != control_seen:
            with lock:
                words, control_seen, struck = read_words(text.split()), text, 0
            with open(path + ".seen.new", "w") as file:
                file.write(text)
            os.replace(path + ".seen.new", path + ".seen")
        time.sleep(0.02)


class Connection:
    def __init__(self, client, server):
        self.ends = (client, server)
        self.spared = None  # not known before the first deed
        self.ended = False

    def strikes(self):
        """Whether this one is among those that something befalls."""
        global struck
        with lock:
            if self.spared is None:
                self.spared = struck >= number("times", float("inf"))
                struck += not self.spared
        return not self.spared

    def end(self, reset):
        if self.ended:
            return
        self.ended = True
        for end in self.ends:
            if reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                shut(end)
        for end in self.ends:
            end.close()


def shut(end, how=socket.SHUT_RDWR):
    try:
        end.shutdown(how)
    except OSError:
        pass


def deed_within(way, begin, size):
    """The deed whose byte is among these, and where in them."""
    if words.get("way", "both") not in (way, "both"):
        return None, 0
    for deed in ("cut", "reset", "hole", "corrupt"):
        at = number(deed)
        if at is not None and begin + size > at:
            return deed, max(0, int(at) - begin)
    return None, 0


def pace(size, free_at):
    """When the line is free again after so many bytes."""
    rate = number("rate")
    if rate is None:
        return 0.0
    free_at = max(free_at, time.monotonic()) + size / rate
    time.sleep(max(0.0, free_at - time.monotonic()))
    return free_at


def take(connection, source):
    """As recv, but never long within the kernel: that would hold back a RST."""
    while not connection.ended:
        if select.select([source], [], [], 0.1)[0]:
            return source.recv(BLOCK)
    return b""


def forward(connection, source, target, way):
    passed, free_at, corrupted = 0, 0.0, False
    try:
        while data := take(connection, source):
            if number("delay"):
                time.sleep(number("delay"))
            free_at = pace(len(data), free_at)
            deed, at = deed_within(way, passed, len(data))
            if deed == "corrupt" and (corrupted or at + passed < number("corrupt")):
                deed = None
            if deed is not None and not connection.strikes():
                deed = None
            passed += len(data)
            if deed == "corrupt":
                corrupted = True
                data = data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :]
            elif deed == "hole":
                target.sendall(data[:at])
                while take(connection, source):
                    pass
                return
            elif deed is not None:
                target.sendall(data[:at])
                connection.end(deed == "reset")
                return
            target.sendall(data)
        shut(target, socket.SHUT_WR)
    except (OSError, ValueError):  # ValueError: closed by the other direction
        connection.end(False)


def play(client, role):
    try:
        while role == "silent":
            if not client.recv(BLOCK):
                return
        while role == "garbage":
            client.sendall(os.urandom(BLOCK))
        while role == "banner":
            client.sendall(b"welcome to this server\r\n" * 100)
        while role == "line":
            client.sendall(b"x" * BLOCK)
        if role == "http":
            client.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        while role in ("drip", "trickle"):
            client.sendall(b"x" if role == "drip" else b"welcome\r\n" * 228)
            time.sleep(1 if role == "drip" else 0.5)
    except OSError:
        pass
    finally:
        client.close()


def serve(client, port):
    role = words.get("play")
    if role is not None:
        play(client, role)
        return
    with lock:
        dropped = int(words.get("drop", 0))
        if dropped > 0:
            words["drop"] = str(dropped - 1)
    if dropped > 0:
        client.close()
        return
    try:
        server = socket.create_connection(("127.0.0.1", port))
    except OSError:
        client.close()  # as if nobody listened
        return
    connection = Connection(client, server)
    for end in connection.ends:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    other = threading.Thread(target=forward, args=(connection, client, server, "up"), daemon=True)
    other.start()
    forward(connection, server, client, "down")
    other.join()
    connection.end(False)


def main():
    global words
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--to", type=int, required=True)
    parser.add_argument("--control")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    words = read_words(options.words)
    if options.control:
        threading.Thread(target=watch, args=(options.control,), daemon=True).start()
    listener = socket.create_server(("127.0.0.1", options.listen), backlog=64)
    print("ready")
    sys.stdout.flush()
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, options.to), daemon=True).start()


main()
