import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Columns } from '../src/operator/columns';
import { View } from '../src/operator/view';

const columns = (keep = 3_600_000) => new Columns(['a', 'b'], 1000, keep);

test('samples become columns, and none is taken twice', () => {
	const c = columns();
	assert.equal(c.newest, undefined);
	assert.equal(c.last('a'), null);
	for (const row of [[1000, 1, null], [2000, 2, 20], [2000, 9, 9], [1500, 9, 9], [3000, 3, 30], [null, 1, 1], []]) c.add(row);
	assert.deepEqual([c.times, ...c.values], [[1, 2, 3], [1, 2, 3], [null, 20, 30]]);
	assert.deepEqual([c.newest, c.last('b'), c.last('no'), c.column('no')], [3000, 30, null, []]);
});

test('where samples are missing the lines break', () => {
	const c = columns();
	for (const row of [[0, 1, 1], [3500, 2, 2], [7001, 3, 3]]) c.add(row);
	assert.deepEqual([c.times, c.column('a')], [[0, 3.5, 4.5, 7.001], [1, 2, null, 3]]);
});

test('what is too old goes, in good time', () => {
	const c = columns(100_000);
	for (let i = 0; i <= 1000; i++) {
		c.add([i * 1000, i, i]);
		assert.ok(c.times.length <= 162);
		if (i >= 100) assert.ok((c.times[0] ?? Infinity) <= i - 100);
		assert.ok(c.values.every((column) => column.length === c.times.length));
	}
	assert.equal(c.last('a'), 1000);
});

test('a clock that was set back makes everything start anew', () => {
	const c = columns();
	for (const row of [[100_000, 1, 1], [40_001, 2, 2], [40_000, 3, 3], [41_000, 4, 4]]) c.add(row);
	assert.deepEqual([c.times, c.column('a')], [[40, 41], [3, 4]]);
});

test('the view moves along, stays where it was picked, and comes back', () => {
	const view = new View();
	let changes = 0;
	view.changed = () => changes++;
	const at = (newest: number) => {
		const { from, to } = view.shown({ times: [0, newest] });
		return [from, to];
	};
	assert.deepEqual(at(1000), [100, 1000]);
	view.follow(300);
	assert.deepEqual(at(1001), [701, 1001]);
	view.pick(800, 802);
	assert.deepEqual([view.stays, changes], [false, 1]);
	view.pick(800, 900);
	assert.deepEqual([view.stays, changes, at(2000)], [true, 2, [800, 900]]);
	view.follow();
	assert.deepEqual([view.stays, at(2000)], [false, [1700, 2000]]);
});

test('a plot is drawn again when it has moved by a pixel', () => {
	const view = new View();
	view.follow(3600);
	const now = (newest: number, first = 0) => ({ times: [first, newest] });
	const drawn = view.shown(now(5000));
	assert.equal(view.moved(undefined, now(5000), 360), true);
	assert.equal(view.moved(drawn, now(5009), 360), false);
	assert.equal(view.moved(drawn, now(5010), 360), true);
	assert.equal(view.moved(drawn, now(5001, 60), 360), true);
	view.follow(300);
	assert.equal(view.moved(drawn, now(5000), 360), true);
});
