"""Text to train small tokenizers on, made up here: words of syllables in several scripts, numbers, code and spaces."""
import random

SYLLABLES = ["ka", "lo", "mi", "tre", "sun", "ing", "the", "est", "or", "qu", "é", "ü", "ñ", "жа", "ло", "ми", "日", "本", "語", "한", "국",
             "ab", "ra", "th", "er", "'s", "'ll"]


def training_lines(count=400, seed=5):
    rng = random.Random(seed)
    words = ["".join(rng.choice(SYLLABLES) for _ in range(rng.randint(1, 4))) for _ in range(120)]

    def word():
        kind = rng.random()
        if kind < 0.75:
            chosen = rng.choice(words)
            return chosen.capitalize() if rng.random() < 0.2 else chosen
        return str(rng.randint(0, 99999)) if kind < 0.85 else rng.choice([",", ".", "()", "==", "{}", "!?", "👍", "\n", "  ", "_"])

    return [" ".join(word() for _ in range(rng.randint(3, 20))) for _ in range(count)]
