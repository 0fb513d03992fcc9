import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Activity } from '../src/activity';
import { type Item, type Scene, say } from '../src/status';

const MB = 1024 ** 2;
/** A name as a sentence marks it off: left to right and right to left do not mix. */
const named = (name: string) => `\u2068${name}\u2069`;
const item = (id: string, is: Item['is'], more: Partial<Item> = {}): Item => ({ id, name: `${id}.bin`, size: 10 * MB, sent: is === 'done' ? 10 * MB : 0, is, ...more });
const scene = (items: Item[], more: Partial<Scene> = {}): Scene => ({ items, percent: 0, activity: new Activity(), online: true, tokenRefused: false, elsewhere: undefined, notices: [], now: 0, ...more });

test('nothing to do', () => {
	assert.equal(say(scene([])).state, 'idle');
	assert.equal(say(scene([], { online: false })).state, 'offline');
	assert.match(say(scene([], { elsewhere: 'busy' })).words, /running in another tab/);
	assert.match(say(scene([], { elsewhere: 'idle' })).words, /open in another tab/);
	const refused = say(scene([], { notices: ['big.bin is too large.', 'two.bin is too large.'] }));
	assert.equal(refused.state, 'error');
	assert.equal(refused.words, 'big.bin is too large.');
	assert.deepEqual(refused.notes, [{ text: 'two.bin is too large.' }]);
});

test('uploading says how far, how fast and how long', () => {
	const activity = new Activity();
	activity.asks('a', 0);
	activity.progress('a', 0, 0);
	for (let s = 1; s <= 4; s++) activity.progress('a', s * MB, s * 1000);
	const saying = say(scene([item('a', 'active', { sent: 4 * MB }), item('b', 'done')], { activity, now: 4000, percent: 70 }));
	assert.equal(saying.state, 'uploading');
	assert.equal(saying.figures.replaceAll('\u00a0', ' '), '70 % · 1 of 2 files · 4 MB of 10 MB · 1 MB/s · 6 s left');
});

test('waiting names the trouble and counts down, and never a time left', () => {
	const activity = new Activity();
	activity.asks('a', 0);
	activity.wait('a', 'away', 0, 0);
	assert.equal(say(scene([item('a', 'active')], { activity })).state, 'uploading', 'a hiccup is not worth a word');
	activity.asks('a', 0);
	activity.wait('a', 'away', 5000, 1000);
	const saying = say(scene([item('a', 'active')], { activity, now: 2000 }));
	assert.equal(saying.state, 'waiting');
	assert.equal(saying.phase, 'waiting');
	assert.match(saying.words, /cannot be reached\. Nothing is lost: trying again$/);
	assert.equal(saying.countdown.replaceAll('\u00a0', ' '), ' in 4 s …');
	assert.equal(saying.figures, '');
	activity.asks('a', 6000);
	assert.equal(say(scene([item('a', 'active')], { activity, now: 6000 })).state, 'waiting', 'until the server has answered');
	activity.answered('a', 6100);
	assert.equal(say(scene([item('a', 'active')], { activity, now: 6100 })).state, 'uploading');
});

test('one that waits among others that move has a line of its own', () => {
	const activity = new Activity();
	activity.asks('a', 0);
	activity.asks('b', 0);
	activity.wait('b', 'busy', 1000, 0);
	const saying = say(scene([item('a', 'active'), item('b', 'active')], { activity }));
	assert.equal(saying.state, 'uploading');
	assert.deepEqual(saying.notes, [{ text: `${named('b.bin')} waits: the server is busy.` }]);
});

test('offline, and nothing that moves', () => {
	const activity = new Activity();
	activity.asks('a', 0);
	activity.wait('a', 'offline', 0, 0);
	assert.match(say(scene([item('a', 'active')], { activity, online: false })).words, /You are offline\. Nothing is lost/);

	const still = new Activity();
	still.asks('a', 1);
	assert.equal(say(scene([item('a', 'active')], { activity: still, now: 3001, online: false })).state, 'offline');
	assert.equal(say(scene([item('a', 'active')], { activity: still, now: 3001 })).state, 'uploading');
	assert.match(say(scene([item('a', 'active')], { activity: still, now: 20_000 })).words, /Nothing has moved/);
});

test('after a mixture', () => {
	const failed = item('a', 'failed', { error: 'It is too large.' });
	const one = say(scene([failed, item('b', 'done')]));
	assert.equal(one.state, 'error');
	assert.equal(one.phase, 'failed');
	assert.equal(one.words, `${named('a.bin')} was not uploaded. It is too large.`);
	assert.deepEqual(one.notes, []);

	const many = say(scene([...Array(7)].map((_, i) => item(`f${i}`, 'failed', { error: 'No.' }))));
	assert.match(many.words, /^7 of 7\u00a0files/);
	assert.equal(many.notes.length, 6);
	assert.deepEqual(many.notes[5], { text: '… and 2 more', silent: true });

	const mixed = say(scene([failed, item('c', 'remembered')]));
	assert.deepEqual(mixed.notes, [{ text: `Plateau remembers where ${named('c.bin')} stopped: choose it again to go on, or remove it if it has changed.` }]);
	assert.equal(say(scene([item('c', 'remembered'), item('d', 'done')])).words, `Plateau remembers where ${named('c.bin')} stopped: choose it again to go on, or remove it if it has changed.`);
	assert.match(say(scene([item('p', 'paused')])).words, /^Paused/);
	assert.equal(say(scene([item('d', 'done')])).state, 'done');
});

test('speed forgets a break', () => {
	const activity = new Activity();
	activity.asks('a', 0);
	activity.progress('a', 0, 0);
	activity.progress('a', 5 * MB, 1000);
	activity.breaks('a');
	activity.progress('a', 2 * MB, 2000); // the server has less than was handed to the network
	activity.progress('a', 3 * MB, 3000);
	assert.equal(activity.rate(3000), MB / 2);
	activity.ended('a');
	assert.equal(activity.rate(3000), undefined);
	assert.equal(activity.still(60_000), 0);
});

test('a refused token is named first, and nothing else is left out', () => {
	const activity = new Activity();
	activity.wait('a', 'away', 8000, 0);
	activity.wait('b', 'token', 0, 0);
	const waiting = say(scene([item('a', 'active'), item('b', 'active')], { activity, tokenRefused: true }));
	assert.deepEqual([waiting.state, waiting.countdown, waiting.phase], ['waiting', '', 'waiting']);
	assert.match(waiting.words, /token has run out.*Nothing is lost: enter a new one/);

	const idle = say(scene([item('c', 'failed', { error: 'It is gone.' })], { tokenRefused: true }));
	assert.match(idle.words, /token has run out.*Enter a new one/);
	assert.deepEqual(idle.notes, [{ text: `${named('c.bin')} was not uploaded. It is gone.` }]);
	assert.equal(say(scene([], { tokenRefused: true })).state, 'waiting');
});
