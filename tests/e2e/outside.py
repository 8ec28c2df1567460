"""What a company has beside the stack: a sign-in for staff and a receiver of alerts. One server on loopback."""

import base64
import hashlib
import hmac
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Outside:
    """An OpenID Connect issuer and the receiver of a webhook."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.secret = os.urandom(32)
        self.alerts = []  # (webhook-id, payload), in the order of arrival
        self.forged = 0
        self.broken = False  # whether the receiver fails
        outside = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, document=None):
                body = b"" if document is None else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if self.path == "/.well-known/openid-configuration":
                    self.answer(200, {"issuer": outside.issuer, "jwks_uri": f"{outside.issuer}/keys"})
                elif self.path == "/keys":
                    self.answer(200, outside.jwks())
                else:
                    self.answer(404)

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                if self.path != "/alerts":
                    self.answer(404)
                elif outside.broken:
                    self.answer(503)
                else:
                    outside.receive(self.headers, body)
                    self.answer(204)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.webhook = f"{self.issuer}/alerts"
        self.webhook_secret = "whsec_" + base64.b64encode(self.secret).decode()

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def receive(self, headers, body):
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        right = "v1," + base64.b64encode(hmac.new(self.secret, signed, hashlib.sha256).digest()).decode()
        if hmac.compare_digest(right, headers.get("webhook-signature", "")):
            self.alerts.append((headers["webhook-id"], json.loads(body)))
        else:
            self.forged += 1

    def jwks(self):
        numbers = self.key.public_key().public_numbers()
        number = lambda n: encoded(n.to_bytes((n.bit_length() + 7) // 8, "big"))
        return {
            "keys": [
                {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1", "n": number(numbers.n), "e": number(numbers.e)}
            ]
        }

    def token(self, sub, *scopes, audience="resound", lasts=3600):
        """A bearer token of a member of staff."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": sub,
            "aud": audience,
            "iat": now - 5,
            "exp": now + lasts,
            "scope": " ".join(f"resound/{scope}" for scope in scopes),
        }
        head = {"alg": "RS256", "kid": "1", "typ": "JWT"}
        text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{encoded(signature)}"
