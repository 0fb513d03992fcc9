import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, count, duration } from '../src/format';
import { judge } from '../src/trouble';
import * as words from '../src/words';

const plain = (text: string) => text.replaceAll('\u00a0', ' ');

test('sizes, times and numbers', () => {
	const sizes: [number, string][] = [
		[0, '0 B'],
		[Number.NaN, '0 B'],
		[1, '1 B'],
		[1023, '1023 B'],
		[1024, '1 KB'],
		[1536, '1.5 KB'],
		[40_000_000, '38 MB'],
		[1024 ** 3, '1 GB'],
		[1.25 * 1024 ** 3, '1.25 GB'],
		[5 * 1024 ** 4, '5 TB'],
	];
	for (const [n, want] of sizes) assert.equal(plain(bytes(n)), want);
	const times: [number, string][] = [
		[0, '1 s'],
		[8.4, '8 s'],
		[59.6, '1 min'],
		[125, '2 min'],
		[3600, '1 h'],
		[7500, '2 h 5 min'],
		[3 * 86_400, '3 days'],
	];
	for (const [s, want] of times) assert.equal(plain(duration(s)), want);
	assert.equal(plain(count(1, 'file')), '1 file');
	assert.equal(plain(count(1200, 'file')), '1,200 files');
});

test('what passes and what does not', () => {
	const passes: Record<number, words.Trouble> = { 0: 'away', 200: 'away', 302: 'away', 408: 'away', 409: 'away', 423: 'locked', 429: 'slow', 500: 'away', 502: 'away', 503: 'busy', 504: 'away', 507: 'full' };
	for (const [status, trouble] of Object.entries(passes)) {
		for (const method of ['POST', 'PATCH', 'HEAD']) {
			assert.deepEqual(judge({ method, status: Number(status), online: true }), { passes: true, trouble }, `${method} ${status}`);
			assert.deepEqual(judge({ method, status: Number(status), online: false }), { passes: true, trouble: 'offline' }, `${method} ${status}, offline`);
		}
	}
	const fails: Record<number, words.Failure> = { 400: 'refused', 401: 'signIn', 403: 'signIn', 412: 'refused', 413: 'tooLarge', 415: 'refused', 431: 'nameTooLong', 460: 'refused' };
	for (const [status, failure] of Object.entries(fails)) {
		for (const online of [true, false]) assert.deepEqual(judge({ method: 'PATCH', status: Number(status), online }), { passes: false, failure }, status);
	}
	for (const tokenRefused of [true, false]) {
		const ask = (status: number, online = true) => judge({ method: 'HEAD', status, tokenRefused, online });
		for (const status of [401, 423]) assert.deepEqual(ask(status), { passes: true, trouble: tokenRefused ? 'token' : status === 423 ? 'locked' : 'busy' });
		assert.deepEqual(ask(401, false), { passes: true, trouble: 'offline' });
		assert.deepEqual(ask(403), { passes: false, failure: 'refused' });
	}
	for (const status of [404, 410]) {
		assert.deepEqual(judge({ method: 'PATCH', status, begun: 3, online: true }), { passes: true, trouble: 'forgotten' }, 'the next HEAD decides');
		assert.deepEqual(judge({ method: 'PATCH', status, begun: 4, online: true }), { passes: false, failure: 'refused' });
	}
	assert.equal(judge({ method: 'POST', status: 404, online: true }).passes, false);
	assert.deepEqual(judge({ method: 'HEAD', status: 0, cause: 'NotReadableError', online: true }), { passes: false, failure: 'unreadable' });
	assert.deepEqual(judge({ method: 'HEAD', status: 0, cause: 'NotFoundError', online: false }), { passes: false, failure: 'gone' });
	assert.deepEqual(judge({ method: 'POST', status: 413, body: 'ERR_METADATA_TOO_LARGE: …', online: true }), { passes: false, failure: 'nameTooLong' });
});

test('a name that is written from right to left stands apart, whatever is in it', () => {
	const name = 'א\u2069\u202eb.bin';
	for (const text of [words.failedOne(name, ''), words.remembered(name), words.waits(name, 'busy')]) assert.match(text, /\u2068א\u202eb\.bin\u2069/);
	for (const text of [words.uppyStrings.noDuplicates, words.uppyStrings.exceedsSize]) assert.match(text, /^\u2068%\{\w+\}\u2069 is/);
});

test('every trouble says that nothing is lost, every failure what to do', () => {
	for (const trouble of ['offline', 'token', 'away', 'busy', 'locked', 'full', 'slow', 'forgotten'] as const) assert.match(words.waiting(trouble), /Nothing is lost/);
	for (const failure of ['tooLarge', 'nameTooLong', 'signIn', 'refused', 'unreadable', 'gone', 'failed'] as const) {
		const text = words.failure(failure, 0);
		assert.match(text, /[Cc]hoose|once more|again/, failure);
		assert.doesNotMatch(text, /tus|HTTP|\d{3}/, failure);
	}
	assert.match(plain(words.failure('tooLarge', 5 * 1024 ** 2)), /at most 5 MB/);
});
