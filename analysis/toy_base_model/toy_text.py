# SPDX-License-Identifier: Apache-2.0
"""The text of the toy world: posts, and responses by demonstrators of three skills. No labels and no gold reward here.

The same distributions as src/world; the order of the random draws is part of what `make.py` reproduces.
"""
import math

FACTS = {
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
FACTS = {noun: events.split() for noun, events in FACTS.items()}
NOUNS = list(FACTS)
EVENTS = [event for events in FACTS.values() for event in events]
CUES = {"mainly": 2, "worse": 2, "sadly": 2, "also": 1, "lately": 1, "plus": 1, "btw": 0, "anyway": 0, "randomly": 0}
CUES_OF = {importance: [cue for cue, i in CUES.items() if i == importance] for importance in (0, 1, 2)}
GREETINGS = ["hi all ,", "hey guys ,", "so ,", ""]
QUESTIONS = ["what now ?", "any advice ?", "am i wrong ?", ""]
OPENERS = {"so": 0.0, "well": 0.0, "basically": -0.2, "um": -0.4, "ugh": -0.5, "help :": 0.3}
CLOSERS = {"please advise .": 0.4, "thanks .": 0.2, "what to do ?": 0.3, "idk .": -0.3, "whatever .": -0.6, "lol .": -0.5}

# How sharply a demonstrator prefers important facts, how often he is wrong, repeats himself, opens and closes, how he
# chooses among openers and closers, and how many facts he tells.
SKILLS = {
    "novice": dict(sharp=0.0, wrong=0.30, repeat=0.10, opener=0.6, closer=0.6, taste=-1.0, counts=[1, 2, 2, 3, 4]),
    "average": dict(sharp=0.8, wrong=0.12, repeat=0.04, opener=0.4, closer=0.5, taste=0.0, counts=[1, 2, 2, 3, 3]),
    "expert": dict(sharp=2.0, wrong=0.03, repeat=0.01, opener=0.3, closer=0.5, taste=1.5, counts=[2, 2, 3, 3]),
}


def make_post(rng):
    """A post: {"text", "facts": [(noun, event, importance)]}."""
    count = rng.choice([4, 5, 5, 6])
    nouns = rng.sample(NOUNS, count)
    events = [rng.choice(FACTS[noun]) for noun in nouns]
    importances = [2, 0] + [rng.choice([0, 1, 2]) for _ in range(count - 2)]
    rng.shuffle(importances)
    cues = [rng.choice(CUES_OF[importance]) for importance in importances]
    told = [f"{cue} my {noun} {event} ." for cue, noun, event in zip(cues, nouns, events)]
    parts = [rng.choice(GREETINGS)] + told + [rng.choice(QUESTIONS)]
    return {"text": " ".join(" ".join(parts).split()), "facts": list(zip(nouns, events, importances))}


def _by_taste(rng, values, taste):
    names = list(values)
    return rng.choices(names, [math.exp(taste * values[name] * 2) for name in names])[0]


def respond(rng, post):
    """A response to the post by a demonstrator of random skill."""
    skill = SKILLS[rng.choices(list(SKILLS), [1, 1, 1])[0]]
    facts = post["facts"]
    left, chosen = list(range(len(facts))), []
    for _ in range(min(rng.choice(skill["counts"]), len(facts))):
        fact = rng.choices(left, [math.exp(skill["sharp"] * facts[i][2]) for i in left])[0]
        left.remove(fact)
        chosen.append(fact)
    if rng.random() < 0.5:
        chosen.sort()
    said = []
    for fact in chosen:
        noun, event, _ = facts[fact]
        if rng.random() < skill["wrong"]:
            if rng.random() < 0.3:
                noun = rng.choice([other for other in NOUNS if other not in [known[0] for known in facts]])
            event = rng.choice([other for other in FACTS[noun] if other != event])
        said.append((noun, event))
    if rng.random() < skill["repeat"]:
        said.insert(rng.randrange(len(said) + 1), rng.choice(said))
    text = " and ".join(f"{noun} {event}" for noun, event in said[:4]) + " ."
    if rng.random() < skill["opener"]:
        text = _by_taste(rng, OPENERS, skill["taste"]) + " " + text
    if rng.random() < skill["closer"]:
        text = text + " " + _by_taste(rng, CLOSERS, skill["taste"])
    return text


def sentences(post):
    """(cue, noun, event) of every sentence of a post."""
    words = post["text"].split()
    return [(words[i - 1], words[i + 1], words[i + 2]) for i, word in enumerate(words) if word == "my"]
