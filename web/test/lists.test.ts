import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Done } from '../src/done';
import { type Entry, Finished, most } from '../src/finished';
import { merge, plan } from '../src/plan';
import { Memory } from './memory';

const entry = (n: number): Entry => ({ url: `http://plateau.test/files/${n}`, name: `${n}.bin`, size: n, at: new Date(1_800_000_000_000 + n).toISOString() });
const sizes = (finished: Finished) => finished.all().map((e) => e.size);

test('finished files: newest first, bounded, kept, one for each address', () => {
	const kept = new Memory({ other: 'kept' });
	let changes = 0;
	const finished = new Finished(kept, 'k:', () => changes++);
	for (let n = 0; n < most + 10; n++) finished.add(entry(n));
	finished.add({ ...entry(most), at: entry(most + 10).at });
	assert.equal(finished.all().length, most);
	assert.equal(finished.all()[0]?.name, `${most}.bin`);
	assert.equal(changes, most + 11);
	assert.deepEqual(new Finished(kept, 'k:', () => {}).all(), finished.all());
	finished.remove(entry(most).url);
	assert.equal(finished.all().length, most - 1);
	finished.clear();
	assert.deepEqual([...kept.all], [['other', 'kept']]);
});

test('finished files: other tabs write, too', () => {
	const kept = new Memory();
	const one = new Finished(kept, 'k:', () => {});
	const two = new Finished(kept, 'k:', () => {});
	two.add(entry(2));
	one.add(entry(1));
	assert.deepEqual(sizes(one), [2, 1]);
	two.reload();
	assert.deepEqual(two.all(), one.all());
	one.remove(entry(2).url);
	two.reload();
	assert.deepEqual(sizes(two), [1]);
});

test('finished files: garbage, a full storage, and none at all', () => {
	for (const text of ['{corrupt', 'null', '{"a":1}', '{"url":"javascript:alert(1)","name":"x","size":1,"at":"2026-11-25"}', '{"url":"http://a/","name":"x","size":1,"at":"never"}']) {
		for (const url of ['http://a/', 'javascript:alert(1)']) assert.deepEqual(new Finished(new Memory({ [`k:${url}`]: text }), 'k:', () => {}).all(), [], text);
	}
	const full = new Memory();
	full.full = true;
	for (const kept of [full, undefined]) {
		const finished = new Finished(kept, 'k:', () => {});
		finished.add(entry(1));
		finished.add(entry(2));
		finished.remove(entry(1).url);
		assert.deepEqual(sizes(finished), [2]);
	}
});

test('finished files: a storage that fills up loses nothing while the page is open', () => {
	const kept = new Memory();
	const finished = new Finished(kept, 'k:', () => {});
	finished.add(entry(1));
	kept.full = true;
	finished.add(entry(2));
	finished.add(entry(3));
	finished.reload();
	assert.deepEqual(sizes(finished), [3, 2, 1]);
	finished.clear();
	assert.deepEqual(sizes(finished), []);
});

test('what comes back stands beside what was chosen meanwhile', () => {
	const mine = { id: 'mine', data: 'here' };
	const both = { id: 'both', data: 'runs' };
	const restored = {
		both: { id: 'both', isGhost: true, error: 'No.' },
		ghost: { id: 'ghost', isGhost: true, error: 'Sign in.' },
		failed: { id: 'failed', isGhost: false, error: 'No.' },
	};
	const got = merge({ mine, both } as never, restored as never);
	const ghost = { id: 'ghost', isGhost: true, error: null };
	assert.deepEqual(got.files, { mine, both, ghost, failed: restored.failed });
	assert.deepEqual(got.back, [ghost, restored.failed]);
});

test('what comes back runs, save ghosts and what was paused, failed or finished', () => {
	const file = (id: string, more = {}) => ({ id, isGhost: false, isPaused: false, error: null, progress: { uploadStarted: 1, uploadComplete: false }, ...more }) as never;
	const files = [
		file('runs'),
		file('ghost', { isGhost: true }),
		file('paused', { isPaused: true }),
		file('failed', { error: 'No.' }),
		file('done', { progress: { uploadComplete: true } }),
		file('new'),
	];
	const uploads = {
		one: { fileIDs: ['runs', 'ghost', 'paused', 'done', 'unknown'], step: 0, result: {} },
		two: { fileIDs: ['ghost'], step: 0, result: {} },
	} as never;
	const got = plan(files, uploads);
	assert.deepEqual(Object.keys(got.currentUploads), ['one']);
	assert.deepEqual(got.currentUploads.one?.fileIDs, ['runs']);
	assert.deepEqual(got.fresh, ['new']);
	assert.deepEqual(got.dormant, ['paused']);
});

test('done files: noted at once, forgotten when chosen again, whatever lies in localStorage', () => {
	const kept = new Memory({ k: '{"odd":[}' });
	const done = new Done(kept, 'k');
	done.add('a');
	done.add('b');
	done.add('a');
	assert.deepEqual([...new Done(kept, 'k').ids()].sort(), ['a', 'b']);
	done.forget(['a', 'c']);
	assert.deepEqual([...done.ids()], ['b']);
	kept.full = true;
	done.add('c');
	assert.deepEqual([...done.ids()], ['b']);
	kept.full = false;
	kept.setItem('k', `[["x"], 3, ["long ago", 1], ["y", ${Date.now()}]]`);
	assert.deepEqual([...done.ids()], ['y']);
	assert.deepEqual([...new Done(undefined, 'k').ids()], []);
});
