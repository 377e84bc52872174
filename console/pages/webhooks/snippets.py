"""Owns the code that verifies a delivery, in six languages, with the real names of the headers."""

from __future__ import annotations

from typing import Final

PYTHON: Final = '''import base64, hashlib, hmac, os, time


def verify(headers, body: bytes) -> None:
    """Raise ValueError unless the request is from Crossdock. `body` is the raw request body."""
    key = base64.b64decode(os.environ["CROSSDOCK_WEBHOOK_SECRET"].removeprefix("whsec_"))
    message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(timestamp)) > 300:
        raise ValueError("The timestamp is more than five minutes off.")
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    # During a rotation there are two signatures, separated by a space; one match is enough.
    if not any(hmac.compare_digest(expected, given) for given in headers["webhook-signature"].split()):
        raise ValueError("No signature matches.")
'''

JAVASCRIPT: Final = """import { createHmac, timingSafeEqual } from "node:crypto";

// Throws unless the request is from Crossdock. `body` is the raw request body, a Buffer.
export function verify(headers, body) {
  const key = Buffer.from(process.env.CROSSDOCK_WEBHOOK_SECRET.replace("whsec_", ""), "base64");
  const id = headers["webhook-id"], timestamp = headers["webhook-timestamp"];
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) throw new Error("The timestamp is more than five minutes off.");
  const digest = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  const expected = Buffer.from(`v1,${digest}`);
  // During a rotation there are two signatures, separated by a space; one match is enough.
  const matches = headers["webhook-signature"].split(" ").some((given) => {
    const bytes = Buffer.from(given);
    return bytes.length === expected.length && timingSafeEqual(bytes, expected);
  });
  if (!matches) throw new Error("No signature matches.");
}
"""

GO: Final = """package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Verify returns an error unless the request is from Crossdock. body is the raw request body.
func Verify(headers http.Header, body []byte) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("CROSSDOCK_WEBHOOK_SECRET"), "whsec_"))
	if err != nil {
		return err
	}
	id, timestamp := headers.Get("webhook-id"), headers.Get("webhook-timestamp")
	sent, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || math.Abs(float64(time.Now().Unix()-sent)) > 300 {
		return errors.New("the timestamp is more than five minutes off")
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	// During a rotation there are two signatures, separated by a space; one match is enough.
	for _, given := range strings.Fields(headers.Get("webhook-signature")) {
		if hmac.Equal([]byte(expected), []byte(given)) {
			return nil
		}
	}
	return errors.New("no signature matches")
}
"""

PHP: Final = """<?php
// Throws unless the request is from Crossdock. $body is the raw body: file_get_contents('php://input').
function verify(array $headers, string $body): void {
    $key = base64_decode(str_replace('whsec_', '', getenv('CROSSDOCK_WEBHOOK_SECRET')));
    $id = $headers['webhook-id'];
    $timestamp = $headers['webhook-timestamp'];
    if (abs(time() - (int) $timestamp) > 300) {
        throw new RuntimeException('The timestamp is more than five minutes off.');
    }
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    // During a rotation there are two signatures, separated by a space; one match is enough.
    foreach (explode(' ', $headers['webhook-signature']) as $given) {
        if (hash_equals($expected, $given)) {
            return;
        }
    }
    throw new RuntimeException('No signature matches.');
}
"""

RUBY: Final = """require "base64"
require "openssl"

# Raises unless the request is from Crossdock. `body` is the raw request body.
def verify(headers, body)
  key = Base64.decode64(ENV.fetch("CROSSDOCK_WEBHOOK_SECRET").delete_prefix("whsec_"))
  id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
  raise "The timestamp is more than five minutes off." if (Time.now.to_i - timestamp.to_i).abs > 300

  expected = "v1," + Base64.strict_encode64(OpenSSL::HMAC.digest("SHA256", key, "#{id}.#{timestamp}.#{body}"))
  # During a rotation there are two signatures, separated by a space; one match is enough.
  matches = headers["webhook-signature"].split(" ").any? { |given| OpenSSL.secure_compare(expected, given) }
  raise "No signature matches." unless matches
end
"""

CURL: Final = """# Sign a body as Crossdock does, and send it to your own receiver.
URL=https://example.com/hooks
BODY='{"id":"evt_test","type":"order.created","data":{}}'
ID=evt_test
TIMESTAMP=$(date +%s)
KEY=$(printf %s "${CROSSDOCK_WEBHOOK_SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \\n')
SIGNATURE=$(printf %s "$ID.$TIMESTAMP.$BODY" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | base64)
curl "$URL" -H "Content-Type: application/json" \\
  -H "webhook-id: $ID" -H "webhook-timestamp: $TIMESTAMP" -H "webhook-signature: v1,$SIGNATURE" \\
  -d "$BODY"
"""

LANGUAGES: Final = (
    ("python", "Python", PYTHON),
    ("javascript", "JavaScript", JAVASCRIPT),
    ("go", "Go", GO),
    ("php", "PHP", PHP),
    ("ruby", "Ruby", RUBY),
    ("shell", "curl", CURL),
)
