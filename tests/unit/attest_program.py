# SPDX-License-Identifier: Apache-2.0
"""aerie attest and aerie spdm-responder as programs, against each other and against peers that are mute.

    attest_program.py AERIE

Exit statuses, verdicts and the JSON are what scripts rely on. The peers are on Unix sockets below a folder of this
run's own.
"""

import json
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

AERIE = sys.argv[1] if len(sys.argv) > 1 else ""
NAME = "1b36:0010:010802:02:1af4:1100"
PCAP_MAGIC_NS = 0xA1B23C4D
LINKTYPE_DOE = 292
LIMIT = 60      # seconds for any program, on a busy machine


class Programs(unittest.TestCase):
    """Each test has a folder, and ends what it has started."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.where = self.folder / "device.sock"

    def responder(self, *options: str) -> Path:
        """A device in software that listens; returns the file of its messages."""
        log = self.folder / "responder.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [AERIE, "spdm-responder", "--pki", self.folder, "--generate", *options, self.where],
                stdout=subprocess.PIPE, stderr=errors, text=True)

        def end() -> None:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        self.addCleanup(end)
        assert process.stdout is not None
        self.assertEqual(process.stdout.readline(), f"listening on {self.where}\n")
        return log

    def attest(self, status: int, *options: str) -> subprocess.CompletedProcess[str]:
        """Asks the device, with its own root."""
        root = self.folder / "root.pem"
        done = subprocess.run([AERIE, "attest", *(["--roots", root] if root.exists() else []),
                               *options, self.where], capture_output=True, text=True, timeout=LIMIT,
                              check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def verdict(self, status: int, verdict: str, *options: str) -> dict:
        """The same, as JSON."""
        evidence = json.loads(self.attest(status, "--json", *options).stdout)
        self.assertEqual(evidence["verdict"], verdict, evidence["why"])
        return evidence

    def listener(self, backlog: int = 4) -> socket.socket:
        """A peer of this test's own."""
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(peer.close)
        peer.bind(str(self.where))
        peer.listen(backlog)
        return peer

    def test_one_after_another(self) -> None:
        """A responder serves until it is ended; what a verdict does not cover is in it."""
        self.responder()
        evidence = self.verdict(0, "trusted")
        self.assertEqual(evidence["not_compared"], ["name", "measurements"])
        self.assertIn("not compared with anything: name, measurements", evidence["why"])
        self.assertIn("(not compared: nothing says whose it must be)", self.attest(0).stdout)
        policy = str(self.folder / "policy.yaml")
        self.attest(0, "--record", policy)
        evidence = self.verdict(0, "trusted", "--identity", NAME, "--policy", policy)
        self.assertEqual(evidence["not_compared"], [])
        self.verdict(1, "name-mismatch", "--identity", NAME.replace("1100", "1101"))
        evidence = self.verdict(0, "trusted", "--require", "spdm,ide,tdisp", "--identity", NAME)
        self.assertEqual(evidence["not_compared"], ["report"])
        self.assertEqual(evidence["ide"]["keyed_by"], "aerie")
        self.assertFalse(evidence["ide"]["enforced"])

    def test_second_peer(self) -> None:
        """One that comes while another one is served is told at once, not when it is over."""
        log = self.responder()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as first:
            first.connect(str(self.where))
            while "a peer has come" not in log.read_text():
                time.sleep(0.01)
            self.assertIn("the peer has closed the connection", self.attest(1, "--timeout", "30000").stderr)
            self.assertIn("a second peer is turned away", log.read_text())
        self.verdict(0, "trusted")

    def test_files_not_written(self) -> None:
        """That the device is trusted is not lost with a file."""
        self.responder()
        done = self.attest(3, "--record", "/dev/full")
        self.assertIn("verdict       trusted", done.stdout)
        self.assertIn("cannot write the policy /dev/full: No space left", done.stderr)
        done = self.attest(3, "--capture", "/dev/full")
        self.assertIn("verdict       trusted", done.stdout)
        self.attest(2, "--capture", "/nowhere/at/all")
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([AERIE, "attest", "--json", "--roots", self.folder / "root.pem", self.where],
                                  stdout=full, stderr=subprocess.PIPE, text=True, timeout=LIMIT, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("cannot be written to the standard output: No space left", done.stderr)

    def test_policy_stays_whole(self) -> None:
        """A disk that is full takes no policy away that was there, and leaves no half of a new one."""
        def no_room() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))
        self.responder()
        policy = self.folder / "policy.yaml"
        policy.write_text("what was there\n")
        before = sorted(self.folder.iterdir())
        done = subprocess.run([AERIE, "attest", "--roots", self.folder / "root.pem", "--record", policy, self.where],
                              capture_output=True, text=True, timeout=LIMIT, check=False, preexec_fn=no_room)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(f"cannot write the policy {policy}: File too large", done.stderr)
        self.assertEqual(policy.read_text(), "what was there\n")
        self.assertEqual(sorted(self.folder.iterdir()), before)
        self.attest(0, "--record", str(policy))
        self.assertIn("measurements:", policy.read_text())
        self.assertEqual(sorted(self.folder.iterdir()), before)

    def test_silence(self) -> None:
        """A reply that never comes: from the first message on, inside a session, or within a frame."""
        self.responder("--fault", "no-session-reply")
        self.verdict(1, "no-reply", "--timeout", "300")
        self.where = self.folder / "mute.sock"
        self.listener()
        self.verdict(1, "no-reply", "--timeout", "300")
        self.where = self.folder / "half.sock"
        peer = self.listener()
        with subprocess.Popen([AERIE, "attest", "--json", "--timeout", "1000", self.where],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
            with peer.accept()[0] as connection:
                connection.recv(4096)
                connection.send(bytes(7))
                output, _ = program.communicate(timeout=LIMIT)
        self.assertEqual(program.returncode, 1)
        self.assertEqual(json.loads(output)["verdict"], "no-reply")

    def test_nobody_accepts(self) -> None:
        """A peer that lets connections wait is not waited for without end."""
        self.listener(backlog=0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as first:
            first.connect(str(self.where))
            self.assertIn("cannot connect to", self.attest(2).stderr)

    def test_place_taken(self) -> None:
        """A responder does not wait for the one whose socket it would take, and leaves it alone."""
        self.listener(backlog=0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as first:
            first.connect(str(self.where))
            done = subprocess.run([AERIE, "spdm-responder", "--pki", self.folder, "--generate", self.where],
                                  capture_output=True, text=True, timeout=LIMIT, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn("Address already in use", done.stderr)
        self.assertTrue(self.where.exists())

    def test_capture(self) -> None:
        """Packets are DOE objects, in clear until there is a session, and fill the file."""
        self.responder()
        capture = self.folder / "exchange.pcap"
        self.attest(0, "--capture", str(capture))
        data = capture.read_bytes()
        magic, _, _, _, _, _, linktype = struct.unpack_from("=IHHIIII", data)
        self.assertEqual((magic, linktype), (PCAP_MAGIC_NS, LINKTYPE_DOE))
        at, kinds = 24, []
        while at < len(data):
            _, _, kept, length = struct.unpack_from("=IIII", data, at)
            self.assertEqual(kept, length)
            vendor, kind, _, words = struct.unpack_from("<HBBI", data, at + 16)
            self.assertEqual((vendor, words * 4), (1, length))
            kinds.append(kind)
            at += 16 + length
        self.assertEqual(at, len(data))
        self.assertEqual(len(kinds) % 2, 0)
        self.assertEqual(set(kinds), {1, 2})
        self.assertEqual(kinds[0], 1)
        self.assertEqual(kinds[-1], 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
