import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cards } from '../src/operator/cards';
import { clock, figure, span, steps } from '../src/operator/figures';
import { pause, refusal } from '../src/operator/stream';
import { age, part, progress, rate, sorted, total, type Upload } from '../src/operator/uploads';

const plain = (text: string) => text.replaceAll('\u00a0', ' ');

test('every series has a plot', () => {
	const laid = cards(['goroutines', 'heap_live_bytes', 'spool_bytes', 'cpu_seconds', 'sent_bytes_per_second', 'queue']);
	assert.deepEqual(laid.map((card) => `${card.title} ${card.unit} ${card.lines.map((line) => line.series).join()}`), [
		'Memory bytes heap_live_bytes',
		'Goroutines count goroutines',
		'Spool bytes spool_bytes',
		'Cpu seconds cpu_seconds',
		'Sent bytes per second rate sent_bytes_per_second',
		'Queue count queue',
	]);
	assert.deepEqual(cards([]), []);
});

test('figures are written with their unit', () => {
	assert.deepEqual([figure(null, 'count'), figure(12_834.4, 'count'), figure(3 << 20, 'bytes'), figure(1536, 'rate'), figure(0.25, 'seconds')].map(plain), [
		'–', '12,834.4', '3 MB', '1.5 KB/s', '250 ms',
	]);
	for (const [seconds, want] of [[0, '0 s'], [0.0000004, '0.4 µs'], [0.00035, '350 µs'], [0.0009999, '1 ms'], [0.0082, '8.2 ms'], [0.9999, '1 s'], [1.25, '1.3 s'], [42, '42 s'], [59.6, '1 min'], [7500, '2 h 5 min']] as const) {
		assert.equal(plain(span(seconds)), want);
	}
	assert.match(clock(0, true), /^\d\d:\d\d:00$/);
	assert.match(clock(0, false), /^\d\d:\d\d$/);
	for (const unit of ['bytes', 'rate', 'count', 'seconds'] as const) {
		const all = steps(unit);
		assert.deepEqual([...new Set(all)].sort((a, b) => a - b), all);
	}
});

const upload = (id: string, more: Partial<Upload> = {}): Upload => ({ id, owner: '', client: '10.0.0.1', offset: 50, size: 100, rate: 10, since: 0, ...more });

test('uploads are said in words', () => {
	assert.deepEqual([part(upload('a')), part(upload('a', { size: -1 })), part(upload('a', { size: 0, offset: 0 })), part(upload('a', { offset: 200 }))], [0.5, undefined, 1, 1]);
	assert.equal(plain(progress(upload('a', { offset: 999, size: 1000 }))), '99 % of 1000 B');
	assert.equal(plain(progress(upload('a', { size: -1, offset: 2048 }))), '2 KB, size not known yet');
	assert.deepEqual([rate(upload('a', { rate: 0 })), rate(upload('a', { rate: null })), plain(rate(upload('a')))], ['stands still', '–', '10 B/s']);
	assert.deepEqual([age(upload('a', { since: 9500 }), 10_000), plain(age(upload('a'), 90_000)), age(upload('a', { since: 20_000 }), 10_000)], ['just now', '2 min', 'just now']);
	assert.equal(total({ total: 2, uploads: [upload('a'), upload('b')] }), '2');
	assert.equal(total({ total: 1234, uploads: [upload('a')] }), '1,234, the oldest 1 shown');
});

test('uploads are put in order, what is unknown last', () => {
	const all = [upload('a', { rate: null, since: 3, size: -1, owner: '' }), upload('b', { rate: 5, since: 1, owner: 'z' }), upload('c', { rate: 9, since: 2, owner: 'y', offset: 1 })];
	const ids = (by: Parameters<typeof sorted>[1]['by'], descending: boolean) => sorted(all, { by, descending }).map((u) => u.id).join('');
	assert.deepEqual([ids('rate', true), ids('rate', false), ids('age', true), ids('age', false)], ['cba', 'bca', 'bca', 'acb']);
	assert.deepEqual([ids('progress', true), ids('owner', false), ids('owner', true), ids('client', true), ids('id', true)], ['bca', 'cba', 'bca', 'abc', 'cba']);
});

test('the page comes again, later each time and not in step', () => {
	const pauses = [0, 1, 2, 3, 4, 50].map((failed) => pause(failed, () => 1));
	assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 10_000, 10_000]);
	assert.equal(pause(0, () => 0), 750);
});

test('a refusal is said in words', () => {
	assert.equal(refusal(503, 'too many pages\n'), 'Not live: too many pages.');
	assert.match(refusal(401, 'x'), /reload/);
	assert.equal(refusal(502, ''), 'The server answers 502.');
});
