// tokenizer.json writes its regular expressions for Oniguruma; PCRE2 runs them here. This translates the part of the
// language that means the same in both and refuses the rest by name, so an expression is never matched differently.
//
// Understood: literals, | ( ) (?: ) (?i: ) (?> ) look-around, the quantifiers ? * + {n} {n,} {n,m} with a lazy ? and
// (not after braces) a possessive +, character classes without sets inside, . \d \s \p{category} \p{Script} and their
// negations, \n \r \t \f \v \xHH \x{H..} \uHHHH, and escaped punctuation.
#pragma once
#include <string>
#include <string_view>

namespace energy_lens {

// Errors: BadInput naming what is not understood and where.
std::string to_pcre2(std::string_view expression);

}  // namespace energy_lens
