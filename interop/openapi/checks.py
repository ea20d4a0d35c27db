"""Checks of Schemathesis that know what our contract says beyond JSON Schema."""

import re

import schemathesis
from schemathesis.specs.openapi.checks import negative_data_rejection

# Refusals of input that is valid by the document: where (the end of the pointer or the parameter), and what is said.
# Everything else that is refused must be invalid by the document, too.
DURATIONS = r"/(delay|timeout|retention|connect_timeout|initial|step|max|delays?(/\d+)?|every|jitter|grace)"
TIMES = r"/(run_at|deadline|at|starts_at|ends_at)|from|to"
RULES = [
    (r"/url", r"The callback URL is not valid: .*"),
    (r"/headers/.*", r"this header is set by the service.*|is given twice.*"),
    (r"/headers", r"must be at most 32 headers with 8192 bytes"),
    (DURATIONS, r"must be \w+ to \w+|must be a duration (such as|from) .*|of a callback must .*"),
    (TIMES, r"must (lie|be a time) between 2000 and ten years from now|must be an RFC 3339 time such as .*"),
    (r"/deadline", r"lies .*: no attempt could begin"),
    (r"/(queue|type)|queue|name", r"must have at most \d+ bytes|must not have .* characters.*|must be in the Unicode form NFC.*"),
    (r"/(payload_text|payload_base64)", r"cannot be combined with .*"),
    (r"/(off|on)(/\d+)?", r"must be (a date .*|at most \d+ dates .*)"),
    (r"", r"must be at most \d+ dates in both lists together"),
    (r"/(name|owner)", r"must not be blank|must be a text of 1 to 128 characters that is not blank"),
    # It tries headers with a 0, whatever their pattern is.
    (r"if-(none-)?match", r"must be \* or a list of ETags such as .*"),
    (r"id", r"does not exist yet, and there are \d+ calendars already.*"),
    # Other operations take a part of a schedule: its schema has no required fields.
    (r"/(task|cron)", r"is required"),
    (r"/(cron|every|at)", r"must be left out beside \w+: a schedule has one of cron, every, at"),
    # What crons and zones there are is no pattern.
    (r"/(cron|timezone)", r"must .*"),
    (r"/(every|at|starts_at|ends_at)", r"must be (.*times that come|a time that lies ahead).*"),
    (r"/(dialect|from)", r"must be nothing without (cron|every)"),
    (r"/ends_at", r"must be a time after starts_at"),
    (r"/every", r"must be whole seconds, at least one"),
    (r"/calendar", r"must be (nothing with .*|the ID of a calendar that exists)"),
    (r"/task/.*", r"must be .*: queue and kind of a schedule never change.*"),
    (r"from", r"must be (a time before the end|at most .* before the end)"),
    (r"by", r"must be queue or kind: .* is kept by these alone"),
    (r"task_state", r"must be left out for fires to come: .*"),
    (r"outcome", r"must be planned alone, or outcomes of the past"),
    (r"/(trace_id|priority)", r"means the queue .*|differs from .*"),
]
WHOLE = {("malformed", "cursor"), ("url-blocked", None)}


def is_meant(item):
    where = item.get("pointer") or item.get("parameter") or item.get("header") or ""
    return any(re.search(f"(?:{place})$", where) and re.fullmatch(text, item["message"]) for place, text in RULES)


def is_meant_problem(problem):
    if (problem["code"], problem.get("parameter")) in WHOLE:
        return True
    # The URL with all its parameters may be too long, though each of them is not.
    if problem["code"] == "too-large":
        return "The URL has more than" in problem["detail"]
    return problem["code"] == "validation-failed" and all(is_meant(item) for item in problem["errors"])


@schemathesis.check
def valid_input_is_accepted(ctx, response, case):
    """What the document allows is refused only by the rules above."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or case.method != case.operation.method.upper():
        return
    if response.status_code in (400, 413, 415, 422) and not is_meant_problem(response.json()):
        raise AssertionError(f"valid input was refused: {response.text}")


@schemathesis.check
def invalid_input_is_refused(ctx, response, case):
    """What the document forbids is refused. A task of a batch that is not valid is a problem of its own: the others are stored."""
    if case.operation.label != "POST /v1/batches":
        negative_data_rejection(ctx, response, case)


@schemathesis.check
def items_say_what_is_invalid(ctx, response, case):
    """An item of a batch that is not valid has a problem, never a 500."""
    if case.operation.label != "POST /v1/batches" or response.status_code != 200:
        return
    for item in response.json()["items"]:
        if item["status"] >= 500:
            raise AssertionError(f"an item failed: {item}")
