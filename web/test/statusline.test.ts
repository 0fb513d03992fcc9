import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Note, Saying } from '../src/status';
import { StatusLine } from '../src/statusline';
import { FakeElement } from './dom';

function line() {
	const root = new FakeElement('div');
	root.setAttribute('aria-live', 'polite');
	for (const name of ['sentence', 'countdown', 'figures', 'notes']) {
		const part = new FakeElement('span', name);
		if (name === 'countdown' || name === 'figures') part.setAttribute('aria-hidden', 'true');
		part.parent = root;
		root.parts.push(part);
	}
	Object.defineProperty(globalThis, 'document', { value: { createElement: (tag: string) => new FakeElement(tag), title: '' }, configurable: true });
	FakeElement.spoken = [];
	return { root, shows: new StatusLine(root as never, 'Plateau') };
}
const saying = (words: string, notes: Note[], more: Partial<Saying> = {}): Saying => ({ state: 'error', words, countdown: '', figures: '', notes, percent: undefined, phase: 'failed', ...more });
const notes = (root: FakeElement) => root.querySelector('.notes')?.children.map((li) => li.textContent) ?? [];

test('a line that stays is spoken once, and the number of the rest never', () => {
	const { root, shows } = line();
	const five = ['a', 'b', 'c', 'd', 'e'].map((text) => ({ text }));
	for (let n = 0; n < 1000; n++) shows.show(saying('Some failed.', [...five, { text: `… and ${n} more`, silent: true }]), n * 10);
	assert.deepEqual(FakeElement.spoken, ['Some failed.', 'a', 'b', 'c', 'd', 'e']);
	assert.match(notes(root)[5] ?? '', /^… and 9\d\d more$/);
	assert.equal(root.querySelector('.notes')?.children[5]?.getAttribute('aria-hidden'), 'true');
	FakeElement.spoken = [];
	shows.show(saying('Some failed.', [{ text: 'new' }, { text: 'b' }, { text: 'd' }]), 20_000);
	assert.deepEqual(notes(root), ['new', 'b', 'd']);
	assert.deepEqual(FakeElement.spoken, ['new']);
	shows.show(saying('Ready.', [], { state: 'idle' }), 20_001);
	assert.deepEqual([notes(root), root.querySelector('.notes')?.hidden], [[], true]);
});

test('notes that come and go take a breath', () => {
	const { shows } = line();
	for (let n = 0; n < 100; n++) shows.show(saying('Uploading.', [{ text: `${n} waits.` }], { state: 'uploading' }), 100_000 + n * 100);
	const spoken = FakeElement.spoken.filter((text) => text.endsWith('waits.'));
	assert.deepEqual(spoken, ['0 waits.', '30 waits.', '60 waits.', '90 waits.']);
});

test('a marked name becomes an element of its own', () => {
	const { root, shows } = line();
	shows.show(saying('\u2068א.bin\u2069 was not uploaded.', [{ text: 'x \u2068y\u2069 z' }]), 1);
	const sentence = root.querySelector('.sentence');
	assert.equal(sentence?.textContent, 'א.bin was not uploaded.');
	assert.deepEqual(sentence?.children.map((part) => [part.tag, part.textContent]), [['bdi', 'א.bin']]);
	assert.deepEqual(notes(root), ['x y z']);
	shows.show(saying('\u2068א.bin\u2069 was not uploaded.', [{ text: 'x \u2068y\u2069 z' }]), 9999);
	assert.equal(FakeElement.spoken.length, 2);
});
