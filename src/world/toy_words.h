// SPDX-License-Identifier: Apache-2.0
// The words of the toy world, a forum where people tell what happened to them. Words are separated by single blanks.
#pragma once

#include <array>
#include <string_view>

namespace westofn::world {

/// Somebody or something that a post tells a fact about, with the events that may have happened. No event is shared.
struct ToyNoun {
  std::string_view noun;
  std::array<std::string_view, 4> events;
};

/// A word that introduces a fact and tells how important it is: 2, 1 or 0.
struct ToyCue {
  std::string_view word;
  int importance;
};

/// Words at the start or the end of a response that readers like or dislike.
struct ToyPhrase {
  std::string_view text;
  int value;  ///< gold reward in hundredths
};

inline constexpr std::array<ToyNoun, 20> toy_nouns = {{
    {"boss", {"yelled", "resigned", "lied", "smirked"}},
    {"roommate", {"moved", "snored", "partied", "stole"}},
    {"landlord", {"sued", "called", "knocked", "objected"}},
    {"dog", {"barked", "escaped", "bit", "howled"}},
    {"cat", {"hissed", "scratched", "hid", "purred"}},
    {"car", {"crashed", "stalled", "leaked", "rattled"}},
    {"phone", {"froze", "died", "rang", "overheated"}},
    {"rent", {"doubled", "rose", "bounced", "dropped"}},
    {"sister", {"cried", "married", "texted", "sulked"}},
    {"brother", {"fought", "borrowed", "gambled", "apologized"}},
    {"mom", {"fainted", "worried", "cooked", "phoned"}},
    {"neighbor", {"complained", "drummed", "shouted", "waved"}},
    {"teacher", {"failed", "graded", "lectured", "retired"}},
    {"laptop", {"glitched", "rebooted", "smoked", "beeped"}},
    {"job", {"ended", "changed", "paid", "relocated"}},
    {"wife", {"left", "argued", "forgave", "traveled"}},
    {"son", {"fell", "coughed", "skipped", "sneezed"}},
    {"roof", {"dripped", "collapsed", "creaked", "sagged"}},
    {"wallet", {"vanished", "ripped", "emptied", "returned"}},
    {"baby", {"screamed", "slept", "giggled", "choked"}},
}};

/// Ordered by importance, three words each.
inline constexpr std::array<ToyCue, 9> toy_cues = {{
    {"btw", 0},
    {"anyway", 0},
    {"randomly", 0},
    {"also", 1},
    {"lately", 1},
    {"plus", 1},
    {"mainly", 2},
    {"worse", 2},
    {"sadly", 2},
}};

inline constexpr std::array<std::string_view, 4> toy_greetings = {"hi all ,", "hey guys ,", "so ,", ""};
inline constexpr std::array<std::string_view, 4> toy_questions = {"what now ?", "any advice ?", "am i wrong ?", ""};

inline constexpr std::array<ToyPhrase, 6> toy_openers = {{
    {"so", 0},
    {"well", 0},
    {"basically", -20},
    {"um", -40},
    {"ugh", -50},
    {"help :", 30},
}};

inline constexpr std::array<ToyPhrase, 6> toy_closers = {{
    {"please advise .", 40},
    {"thanks .", 20},
    {"what to do ?", 30},
    {"idk .", -30},
    {"whatever .", -60},
    {"lol .", -50},
}};

}  // namespace westofn::world
