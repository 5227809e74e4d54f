"""The fixed texts of the model goldens. The golden files carry their token ids, so a test needs no tokenizer."""

# About 300 tokens of the sample model, in the manner of its training text, with a little of what it never saw.
SAMPLE_TEXT = """\
And it came to pass in those days, that the king sent messengers unto all the cities of the land, saying, Gather \
yourselves together, and come up unto me to the mountain; for the harvest is great, and the labourers are few.
Then the people answered and said, We will surely come, we and our children, and our flocks and our herds; as thou \
hast spoken, so will we do.
And the elders stood before him seven days, and there was neither bread nor water in the camp: and they lifted up \
their voice, and wept.
But the word of the LORD came unto the prophet, saying, Fear not; for I have heard the cry of this people.
The President shall, at stated Times, receive for his Services a Compensation, which shall neither be encreased nor \
diminished during the Period for which he shall have been elected.
In 2024, quantization maps 32-bit floats to 4-bit codes: x = S * (q - Z).
Blessed are they that wait for him: they shall not be ashamed in the evil time, and in the days of famine they shall \
be satisfied.
"""

SMOLLM2_TEXT = """\
The lighthouse keeper's log
On the morning of 17 March 1893 the fog was so thick that we couldn't see the rocks below. The capital of France is \
Paris, and the capital of Japan is Tokyo. To quantize a weight, divide it by the scale, round it to the nearest \
integer and keep the result between -8 and 7:

def quantize(x, scale):
    return max(-8, min(7, round(x / scale)))
"""
