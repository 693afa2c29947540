import { expect, test } from 'vitest';
import { SEED } from '../../../../tests/seed.ts';
import { randomFrom } from '../path/random-run.fixture.ts';
import { History } from './history.ts';
import type { Place } from './types.ts';

test.each([64, 256, 1000])(
  `places come back newest first, the last %i, seed ${SEED}`,
  (placesMax) => {
    const random = randomFrom(SEED);
    const history = new History(placesMax);
    let model: Place[] = [];
    for (let run = 0; run < 300; run++) {
      for (let i = random(2 * placesMax); i > 0; i--) {
        const place = { vcpu: random(9), seq: random(1000) * 2 ** 40, index: random(99) };
        history.push(place);
        model = [...model, place].slice(-placesMax);
      }
      for (let i = random(2 * placesMax); i > 0; i--) expect(history.pop()).toEqual(model.pop());
      if (random(20) === 0) {
        history.clear();
        model = [];
      }
    }
  },
);
