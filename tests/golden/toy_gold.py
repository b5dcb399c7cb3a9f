#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The gold reward of the toy world in plain Python, written from its specification and not from the C++ code.

toy_gold.py FILE.jsonl   checks every row {"post", "response", "gold"} and ends with 1 if one differs
"""
import json
import re
import sys

EVENTS = {
    "boss": "yelled resigned lied smirked", "roommate": "moved snored partied stole",
    "landlord": "sued called knocked objected", "dog": "barked escaped bit howled",
    "cat": "hissed scratched hid purred", "car": "crashed stalled leaked rattled",
    "phone": "froze died rang overheated", "rent": "doubled rose bounced dropped",
    "sister": "cried married texted sulked", "brother": "fought borrowed gambled apologized",
    "mom": "fainted worried cooked phoned", "neighbor": "complained drummed shouted waved",
    "teacher": "failed graded lectured retired", "laptop": "glitched rebooted smoked beeped",
    "job": "ended changed paid relocated", "wife": "left argued forgave traveled",
    "son": "fell coughed skipped sneezed", "roof": "dripped collapsed creaked sagged",
    "wallet": "vanished ripped emptied returned", "baby": "screamed slept giggled choked",
}
CUES = {"mainly": 2, "worse": 2, "sadly": 2, "also": 1, "lately": 1, "plus": 1, "btw": 0, "anyway": 0, "randomly": 0}
OPENERS = {"so": 0, "well": 0, "basically": -0.2, "um": -0.4, "ugh": -0.5, "help :": 0.3}
CLOSERS = {"please advise .": 0.4, "thanks .": 0.2, "what to do ?": 0.3, "idk .": -0.3, "whatever .": -0.6, "lol .": -0.5}
NOUN = "|".join(EVENTS)
EVENT = "|".join(" ".join(EVENTS.values()).split())
MENTION = re.compile(f"({NOUN}) ({EVENT})(?= |$)")
WELL_FORMED = re.compile(f"({NOUN}) ({EVENT})( and ({NOUN}) ({EVENT}))* \\.")


def facts_of(post):
    """noun -> (event, importance)"""
    found = re.findall(rf"({'|'.join(CUES)}) my ({NOUN}) ({EVENT}) \.", post)
    return {noun: (event, CUES[cue]) for cue, noun, event in found}


def strip_phrases(words):
    """The words without opener and closer, and the value of both."""
    value = 0.0
    for phrase, worth in OPENERS.items():
        phrase = phrase.split()
        if words[:len(phrase)] == phrase:
            words, value = words[len(phrase):], value + worth
            break
    for phrase, worth in CLOSERS.items():
        phrase = phrase.split()
        if words[-len(phrase):] == phrase:
            words, value = words[:-len(phrase)], value + worth
            break
    return words, value


def mentions_of(body):
    """Every "noun event", read from left to right."""
    mentions = []
    while body:
        match = MENTION.match(body)
        if match:
            mentions.append(match.groups())
            body = body[match.end():].lstrip()
        else:
            body = body.partition(" ")[2]
    return mentions


def gold(post, response):
    facts = facts_of(post)
    words, total = strip_phrases(response.split())
    body = " ".join(words)
    said = set()
    for noun, event in mentions_of(body):
        if noun in said:
            total += -0.6
        elif noun not in facts or facts[noun][0] != event:
            total += -1.2
        else:
            total += {2: 1.0, 1: 0.4, 0: -0.3}[facts[noun][1]]
        said.add(noun)
    if not WELL_FORMED.fullmatch(body):
        total += -1.0
    return total - 0.12 * max(0, len(response.split()) - 12)


def main():
    rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
    wrong = [row for row in rows if abs(gold(row["post"], row["response"]) - row["gold"]) > 1e-9]
    for row in wrong:
        print("differs:", gold(row["post"], row["response"]), json.dumps(row))
    print(f"{len(rows)} rows, {len(wrong)} differ")
    return 1 if wrong or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
