import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Activity } from '../src/activity';
import { addresses } from '../src/addresses';
import { hooks } from '../src/requests';
import { Token } from '../src/token';
import { atOnce } from '../src/upload';
import type { Failure } from '../src/words';
import { Memory } from './memory';

Object.defineProperty(globalThis, 'navigator', { value: { onLine: true }, configurable: true });

type Answer = { status: number; offset?: number };

/** client asks and is answered as tus-js-client is. */
function client(token?: Token) {
	const failures = new Map<string, Failure>();
	const activity = new Activity();
	const called = { off: false };
	/** The requests that were sent, each with its token. */
	const sent: string[] = [];
	const rules = hooks(activity, failures, () => !called.off, token);
	const file = { id: 'a', data: new Blob(['x']) } as never;
	/** ask gives what onShouldRetry says, or undefined where the answer was taken. */
	const ask = async (method: string, { status, offset }: Answer): Promise<boolean | undefined> => {
		const headers = new Map<string, string>();
		const req = { getMethod: () => method, setHeader: (name: string, value: string) => headers.set(name, value), getHeader: (name: string) => headers.get(name) } as never;
		const res = { getStatus: () => status, getBody: () => '', getHeader: (name: string) => (name === 'Upload-Offset' && offset !== undefined ? String(offset) : undefined) } as never;
		await rules.onBeforeRequest(req, file);
		sent.push(`${method} ${headers.get('Authorization')}`);
		await rules.onAfterResponse(req, res);
		if (status < 400 || (method === 'HEAD' && status === 404)) return undefined;
		return rules.onShouldRetry({ originalRequest: req, originalResponse: res } as never, 0, {}, () => true);
	};
	/** deleted says whether a DELETE is tried again. */
	const deleted = (status: number, causingError: Error | null) =>
		rules.onShouldRetry({ originalRequest: { getMethod: () => 'DELETE' }, originalResponse: status ? { getStatus: () => status, getBody: () => '' } : null, causingError } as never, 0, {}, () => true);
	return { activity, ask, called, deleted, failures, sent };
}

/** begin is a round of an upload that the server has forgotten at once. */
async function begin({ ask }: ReturnType<typeof client>): Promise<boolean | undefined> {
	await ask('POST', { status: 201 });
	const again = await ask('PATCH', { status: 404 });
	if (again) await ask('HEAD', { status: 404 });
	return again;
}

test('an upload that is forgotten again and again is given up, and may be retried', async () => {
	const c = client();
	for (let round = 1; round <= 2; round++) {
		assert.deepEqual([await begin(c), await begin(c), await begin(c)], [true, true, true]);
		assert.equal(c.failures.get('a'), undefined);
		assert.equal(await begin(c), false, 'the third new beginning without progress is the last');
		assert.equal(c.failures.get('a'), 'refused');
		c.failures.clear();
	}
});

test('a HEAD is not sent for what was cancelled or paused while the file was read', async () => {
	const { ask, called } = client();
	assert.equal(await ask('HEAD', { status: 200, offset: 1 }), undefined);
	const asked = ask('HEAD', { status: 200, offset: 1 }).then(() => 'sent', () => 'not sent');
	called.off = true;
	assert.equal(await asked, 'not sent');
});

test('a DELETE is tried again if that can help', () => {
	const { deleted } = client();
	assert.deepEqual([deleted(503, null), deleted(0, new Error('away'))], [true, true]);
	assert.deepEqual([deleted(404, null), deleted(410, null), deleted(0, null)], [false, false, false]);
});

test('progress between new beginnings counts', async () => {
	const c = client();
	for (let round = 1; round <= 5; round++) {
		assert.equal(await begin(c), true);
		assert.equal(await begin(c), true);
		await c.ask(round % 2 ? 'HEAD' : 'PATCH', { status: 204, offset: 7 });
	}
	await c.ask('HEAD', { status: 200, offset: 0 });
	assert.deepEqual([await begin(c), await begin(c), await begin(c), await begin(c)], [true, true, true, false]);
});

/** settled says whether a promise is settled soon. */
const settled = (promise: Promise<unknown>) => Promise.race([promise.then(() => true), new Promise((resolve) => setTimeout(resolve, 20, false))]);

test('every request carries the newest token, and none is sent while it is refused', async () => {
	const token = new Token('one', 'ada', async () => ({ owner: 'ada' }));
	const { activity, ask, failures, sent } = client(token);
	await ask('POST', { status: 201 });
	assert.equal(await ask('PATCH', { status: 401 }), true, 'the upload waits');
	assert.deepEqual([token.refused, failures.size, activity.waitingFor('token')], [true, 0, ['a']]);
	const held = ask('HEAD', { status: 200, offset: 7 });
	const deleting = ask('DELETE', { status: 204 });
	assert.deepEqual([await settled(held), await settled(deleting)], [false, false]);
	token.renew('two');
	assert.equal(await settled(deleting), true, 'what was removed is deleted after all');
	assert.equal(await settled(held), false, 'whoever has renewed the token begins the upload again');
	await ask('HEAD', { status: 200, offset: 7 });
	assert.deepEqual(sent, ['POST Bearer one', 'PATCH Bearer one', 'DELETE Bearer two', 'HEAD Bearer two']);
	assert.deepEqual(activity.waitingFor('token'), []);
});

test('HEAD hears 423 of a token that has run out, and of a lock', async () => {
	let whose: 'refused' | { owner: string } = { owner: 'ada' };
	const token = new Token('one', 'ada', async () => whose);
	const { activity, ask } = client(token);
	activity.wait('a', 'away', 1000, 0);
	assert.equal(await ask('HEAD', { status: 423 }), true);
	assert.equal(activity.waits.get('a')?.trouble, 'locked');
	whose = 'refused';
	assert.equal(await ask('HEAD', { status: 423 }), true);
	assert.deepEqual(activity.waitingFor('token'), ['a']);
});

test('an answer to a token that has been replaced meanwhile asks nobody for another', async () => {
	const token = new Token('one', 'ada', async () => 'away');
	const { activity, ask } = client(token);
	const asked = ask('POST', { status: 401 });
	token.renew('two');
	assert.equal(await asked, true);
	assert.deepEqual([token.refused, activity.waitingFor('token')], [false, []]);
});

test('over HTTP/1.1 a connection is left for the rest of the site', () => {
	for (const protocol of ['http/1.1', 'http/1.0', '', undefined]) assert.deepEqual([atOnce(protocol, true), atOnce(protocol, false)], [4, 1]);
	for (const protocol of ['h2', 'h3']) assert.equal(atOnce(protocol, true), 20);
});

test('addresses of uploads: kept if they can be, and never in the way', async () => {
	const upload = { size: 1, metadata: {}, creationTime: 'now', uploadUrl: '/files/1', parallelUploadUrls: null, urlStorageKey: '' };
	const memory = new Memory();
	memory.setItem('tus::a::2', '{corrupt');
	memory.setItem('other', '{}');
	const kept = addresses(memory as never);
	const key = await kept.addUpload('a', upload);
	assert.match(key, /^tus::a::\d+$/);
	await kept.addUpload('ab', { ...upload, uploadUrl: '/files/2' });
	assert.deepEqual(await kept.findUploadsByFingerprint('a'), [{ ...upload, urlStorageKey: key }]);
	assert.equal((await kept.findAllUploads()).length, 2);
	await kept.removeUpload(key);
	assert.deepEqual(await kept.findUploadsByFingerprint('a'), []);

	memory.full = true;
	for (const none of [kept, addresses(undefined)]) {
		assert.equal(await none.addUpload('a', upload), '');
		assert.deepEqual(await none.findUploadsByFingerprint('a'), []);
		await none.removeUpload('x');
	}
});
