"""A mail server that keeps what it is given: mail_server.py FOLDER [OPTIONS]

Each letter becomes a file FOLDER/<number>.json, read by Python's own parser. Prints the port once it listens.
"""

import argparse
import asyncio
import email
import email.policy
import json
import pathlib
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


class Keeper:
    """Takes letters, or says no as it is told to."""

    def __init__(self, options):
        self.options = options
        self.kept = 0

    async def handle_RCPT(self, server, session, envelope, address, _options):
        if self.options.first:
            return self.options.first.pop(0).format(address)
        if self.options.refuse:
            return f"550 5.1.1 <{address}> is nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = {kind: message.get_body((kind,)) for kind in ("plain", "html")}
        kept = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name: str(value) for name, value in message.items()},
            "parts": [inner.get_content_type() for inner in message.iter_parts()],
            "text": part["plain"].get_content(),
            "html": part["html"].get_content(),
            "is_encrypted": session.ssl is not None or self.options.tls,
            "user": session.auth_data,
        }
        self.kept += 1
        path = pathlib.Path(self.options.folder, f"{self.kept}.json")
        aside = path.with_suffix(".new")
        aside.write_text(json.dumps(kept))
        aside.rename(path)
        return "250 OK"

    def is_known(self, server, session, envelope, mechanism, auth):
        known = (auth.login.decode(), auth.password.decode()) == (self.options.user, self.options.password)
        return AuthResult(success=known, auth_data=self.options.user if known else None)


async def serve(options):
    context = None
    if options.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certificate, options.key)
    keeper = Keeper(options)

    def connection():
        return SMTP(
            keeper,
            hostname="mail.example",
            tls_context=None if options.tls else context,
            require_starttls=context is not None and not options.tls,
            authenticator=keeper.is_known if options.user else None,
            auth_required=bool(options.user),
            # aiosmtpd knows of its own STARTTLS alone.
            auth_require_tls=context is not None and not options.tls,
        )

    loop = asyncio.get_running_loop()
    inside = context if options.tls else None
    server = await loop.create_server(connection, "127.0.0.1", options.port, ssl=inside)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--certificate", help="speak STARTTLS, and take nothing without it")
parser.add_argument("--key")
parser.add_argument("--tls", action="store_true", help="speak TLS from the start instead")
parser.add_argument("--user", help="take letters of this user alone")
parser.add_argument("--password")
parser.add_argument("--first", action="append", help="answer this to the first recipient, or to the next; {} is who")
parser.add_argument("--refuse", action="store_true", help="answer 550 to every recipient")
asyncio.run(serve(parser.parse_args()))
