import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Events } from '../src/operator/events';

const text = 'retry: 1000\n\nid: 5\nevent: rows\ndata: [[5,1]]\n\n: a comment\r\ndata: a\r\ndata:b\r\n\r\nevent: nothing\n\nevent: warnings\ndata: []\n\ndata: cut';
const want = [
	{ name: 'rows', data: '[[5,1]]' },
	{ name: 'message', data: 'a\nb' },
	{ name: 'warnings', data: '[]' },
];

test('events are whole however they are cut into pieces', () => {
	for (let size = 1; size <= text.length; size++) {
		const events = new Events();
		const found = [];
		for (let at = 0; at < text.length; at += size) found.push(...events.feed(text.slice(at, at + size)));
		assert.deepEqual(found, want, `pieces of ${size}`);
	}
});
