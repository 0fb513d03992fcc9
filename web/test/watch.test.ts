import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Columns } from '../src/operator/columns';
import { climbs, trend } from '../src/operator/trend';
import { merge, slope, watch } from '../src/operator/watch';

const MB = 1 << 20;

/** A generator of numbers in 0 to 1 that are the same each time. */
function random(seed: number) {
	let state = seed;
	return () => {
		state = (state * 1103515245 + 12345) % 2147483648;
		return state / 2147483648;
	};
}

function sampled(seconds: number, of: { heap?: (t: number) => number; goroutines?: (t: number) => number; age?: number; depth?: number }) {
	const c = new Columns(['heap_live_bytes', 'goroutines', 'outbox_age_seconds', 'outbox_depth'], 1000, 3_600_000);
	for (let t = 0; t < seconds; t++) c.add([t * 1000, (of.heap ?? (() => 20 * MB))(t), (of.goroutines ?? (() => 100))(t), of.age ?? 0, of.depth ?? 0]);
	return c;
}
const texts = (c: Columns) => watch(c).map(({ level, text }) => `${level}: ${text}`.replaceAll('\u00a0', ' '));

test('a trend is the line through the samples that are known', () => {
	const t = trend([0, 1, 2, 3, 4], [1, null, 5, 7, 9], 3600);
	assert.deepEqual([t?.hourly, t?.rise, t?.over, t?.fit], [7200, 8, 4, 1]);
	assert.deepEqual(trend([0, 1, 2, 3], [100, 5, 5, 5], 2)?.hourly, 0);
	assert.equal(trend([0, 1, 2], [1, 2, null], 3600), undefined);
	assert.equal(trend([], [], 3600), undefined);
});

test('a leak is said, with its pace', () => {
	const noise = random(1);
	const leak = sampled(1800, { heap: (t) => (20 + t / 120 + noise()) * MB });
	assert.deepEqual(texts(leak), ['warning: The live heap has been rising for 30 min, by 30 MB an hour. See what grew.']);
	assert.equal(slope(leak).replaceAll('\u00a0', ' '), 'Live heap: rising by 30 MB an hour over the last 30 min.');
	const stuck = sampled(1200, { goroutines: (t) => 100 + Math.floor(t / 5) });
	assert.deepEqual(texts(stuck), ['warning: Goroutines have been rising for 20 min, by 720 an hour. If uploads in flight have not, see what grew.']);
});

test('the ups and downs of work are no leak', () => {
	for (const [name, heap] of Object.entries({
		level: () => 50 * MB,
		noise: ((r) => () => (50 + 20 * r()) * MB)(random(2)),
		sawtooth: (t: number) => (20 + (t % 120) / 4) * MB,
		waves: (t: number) => (50 + 30 * Math.sin(t / 100)) * MB,
		'one step at the start': (t: number) => (t < 60 ? 5 : 30) * MB,
		'a burst': (t: number) => (t > 900 && t < 1000 ? 400 : 20) * MB,
		falling: (t: number) => (100 - t / 30) * MB,
	})) {
		assert.deepEqual(texts(sampled(1800, { heap })), [], name);
	}
	assert.deepEqual(texts(sampled(500, { heap: (t) => (20 + t) * MB })), [], 'too short to tell');
	assert.equal(slope(sampled(100, {})), '');
	assert.match(slope(sampled(1800, {})), /^Live heap: level over the last 30/);
	assert.match(slope(sampled(1800, { heap: (t) => (100 - t / 30) * MB })), /falling by 120 MB/);
	assert.equal(climbs({ hourly: 1, rise: 5 * MB, mean: 100 * MB, fit: 1, over: 1800 }, 4 * MB), false);
});

test('events that wait long are said', () => {
	assert.deepEqual(texts(sampled(5, { age: 59, depth: 9 })), []);
	assert.match(texts(sampled(5, { age: 400, depth: 12_345 }))[0] ?? '', /^warning: Events do not get out: the oldest has waited 7 min, about 12,000 wait\./);
	assert.match(texts(sampled(5, { age: 4000 }))[0] ?? '', /^alarm: .*waited 1 h 7 min\. Is/);
});

test('the gravest comes first, and nothing twice', () => {
	const a = { level: 'notice', text: 'a' } as const;
	const b = { level: 'alarm', text: 'b' } as const;
	const c = { level: 'warning', text: 'c' } as const;
	assert.deepEqual(merge([a, c], [b, c]), [b, c, a]);
});
