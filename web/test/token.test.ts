import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sign } from '../src/links';
import { nameFor, signIn } from '../src/signin';
import { Token } from '../src/token';
import { bare } from '../src/tokenform';
import { type Whose, whoami } from '../src/whoami';
import { Memory } from './memory';

const origin = 'http://plateau.test';
const options = { endpoint: `${origin}/files/`, downloads: true, maxSize: 0, auth: true, whoami: `${origin}/whoami`, links: `${origin}/links/`, name: 'plateau-' };

/** answering has fetch give these answers in turn, and notes what was asked. */
function answering(...answers: (Response | Error)[]): { asked: string[] } {
	const asked: string[] = [];
	globalThis.fetch = async (address, init) => {
		asked.push(`${init?.method ?? 'GET'} ${String(address)} ${new Headers(init?.headers).get('Authorization')}`);
		const answer = answers.shift() ?? new Error('nothing is left to answer');
		if (answer instanceof Error) throw answer;
		return answer;
	};
	return { asked };
}
const soon = () => new Promise((resolve) => setTimeout(resolve));
const json = (status: number, value: unknown) => new Response(JSON.stringify(value), { status });

test('a refused token is not used again, and what needs one waits for the next', async () => {
	const token = new Token('one', 'ada', async () => 'away');
	const changes: boolean[] = [];
	token.onChange(() => changes.push(token.refused));
	await token.usable();
	token.refuse('Bearer older');
	assert.equal(token.refused, false, 'a late answer to an older token means nothing');
	token.refuse('Bearer one');
	token.refuse('Bearer one');
	let went = 0;
	const waiting = [token.usable(), token.usable()].map((usable) => usable.then(() => went++));
	await soon();
	assert.equal(went, 0);
	token.renew('two');
	await Promise.all(waiting);
	assert.deepEqual([went, token.header, changes], [2, 'Bearer two', [true, false]]);
});

test('a token is checked once for all who ask at the same time', async () => {
	const asked: string[] = [];
	let answer: (whose: Whose) => void = () => {};
	const token = new Token('one', 'ada', (value) => {
		asked.push(value);
		return new Promise((resolve) => (answer = resolve));
	});
	const all = [token.check(), token.check()];
	answer('away');
	await Promise.all(all);
	assert.deepEqual([asked, token.refused], [['one'], false], 'a server that is away says nothing of the token');
	const late = token.check();
	token.renew('two');
	answer('refused');
	await late;
	assert.equal(token.refused, false, 'that was the older one');
	const again = token.check();
	answer('refused');
	await again;
	assert.equal(token.refused, true);
	await token.check();
	assert.deepEqual(asked, ['one', 'one', 'two'], 'what is refused is not asked about');
});

test('whose a token is', async () => {
	const cases: [Response | Error, Whose][] = [
		[json(200, { owner: 'ada' }), { owner: 'ada' }],
		[new Response('ERR_UNAUTHORIZED: no', { status: 401 }), 'refused'],
		[json(503, {}), 'away'],
		[json(200, { owner: '' }), 'away'],
		[json(200, null), 'away'],
		[new Response('<html>', { status: 200 }), 'away'],
		[new TypeError('Failed to fetch'), 'away'],
	];
	for (const [answer, want] of cases) {
		const { asked } = answering(answer);
		assert.deepEqual(await whoami(options.whoami, 'secret'), want);
		assert.deepEqual(asked, [`GET ${origin}/whoami Bearer secret`]);
	}
});

test('an address for a download is signed when it is asked for', async () => {
	const token = new Token('one', 'ada', async () => 'away');
	const upload = `${origin}/files/abc%2B1`;
	const { asked } = answering(json(201, { url: '/files/abc%2B1?sig=x', expires: '2026-11-30T10:15:00Z' }));
	assert.deepEqual(await sign(upload, options.links, token), { url: `${origin}/files/abc%2B1?sig=x`, expires: new Date('2026-11-30T10:15:00Z') });
	assert.deepEqual(asked, [`POST ${origin}/links/abc%2B1 Bearer one`]);

	for (const wrong of [{ url: 'javascript:alert(1)', expires: '2026-11-30' }, { url: '/x' }, { url: '/x', expires: 'soon' }, null]) {
		answering(json(201, wrong));
		assert.equal(await sign(upload, options.links, token), 'away', JSON.stringify(wrong));
	}
	for (const [status, want] of [[404, 'gone'], [410, 'gone'], [503, 'away'], [429, 'away']] as const) {
		answering(json(status, {}));
		assert.equal(await sign(upload, options.links, token), want);
	}
	answering(json(401, {}));
	assert.equal(await sign(upload, options.links, token), 'token');
	assert.equal(token.refused, true);
	assert.equal(await sign('no address', options.links, new Token('one', 'ada', async () => 'away')), 'away');
	const { asked: none } = answering();
	assert.equal(await sign(upload, options.links, token), 'token');
	assert.deepEqual(none, []);
});

test('a token as people paste it', () => {
	for (const pasted of ['abc', ' abc\n', 'Bearer abc', 'bearer  abc ', 'Authorization: Bearer abc']) assert.equal(bare(pasted), 'abc');
	assert.equal(bare('bearerabc'), 'bearerabc');
});

test('what is kept for long is kept under the owner, whatever the name', () => {
	const name = (owner: string) => nameFor(options, new Token('t', owner, async () => 'away'));
	assert.equal(nameFor(options, undefined), 'plateau-');
	assert.equal(name('ada'), 'plateau-@ada');
	assert.equal(new Set(['ada', 'ada:finished:', 'Ada', 'https://id.example|1', 'ä', ''].map(name)).size, 6);
	assert.doesNotMatch(name('a:b'), /:/);
});

test('the tab keeps the token, and nothing else does', async () => {
	const form = fakeForm();
	const places = { form, account: fakeForm(), status: fakeForm() } as never;
	Object.assign(globalThis, { document: { addEventListener: () => {}, removeEventListener: () => {}, activeElement: null }, location: { reload: () => reloads++ } });
	let reloads = 0;
	const tab = new Memory();

	answering(json(503, {}), new Response('', { status: 401 }), json(200, { owner: 'ada' }));
	const signing = signIn(options, places, tab);
	await form.enter('wrong');
	assert.match(form.problem.textContent, /cannot check the token now/);
	await form.enter('wrong');
	assert.match(form.problem.textContent, /does not accept/);
	assert.equal(tab.length, 0, 'a token that was not taken is not kept');
	await form.enter(' Bearer right ');
	const token = await signing;
	assert.deepEqual([token.header, token.owner, form.hidden, form.field.value], ['Bearer right', 'ada', true, '']);
	assert.deepEqual([...tab.all], [['plateau-:token', '{"token":"right","owner":"ada"}']]);

	answering(new Response('', { status: 401 }));
	const again = fakeForm();
	const back = await signIn(options, { form: again, account: fakeForm(), status: fakeForm() } as never, tab);
	assert.equal(back.header, 'Bearer right', 'a reload asks nobody');
	await soon();
	assert.deepEqual([back.refused, again.hidden], [true, false], 'it had run out meanwhile');

	answering(json(200, { owner: 'ada' }));
	await again.enter('newer');
	assert.deepEqual([back.header, back.refused, again.hidden, reloads], ['Bearer newer', false, true, 0]);
	back.refuse('Bearer newer');
	answering(json(200, { owner: 'bob' }));
	await again.enter('of-bob');
	assert.deepEqual([back.header, reloads], ['Bearer newer', 1], "another person's page is begun anew");
	assert.deepEqual([...tab.all.values()], ['{"token":"of-bob","owner":"bob"}']);

	answering(json(200, { owner: 'robert' }));
	const renamed = await signIn(options, { form: fakeForm(), account: fakeForm(), status: fakeForm() } as never, tab);
	await soon();
	assert.deepEqual([renamed.owner, reloads], ['bob', 2], 'so is one whose owner has another name meanwhile');
	assert.deepEqual([...tab.all.values()], ['{"token":"of-bob","owner":"robert"}']);
	answering(json(200, { owner: 'robert' }));
	await signIn(options, { form: fakeForm(), account: fakeForm(), status: fakeForm() } as never, tab);
	await soon();
	assert.equal(reloads, 2, 'once');

	answering(json(200, { owner: 'roberta' }));
	tab.setItem = () => {
		throw new Error('full');
	};
	await signIn(options, { form: fakeForm(), account: fakeForm(), status: fakeForm() } as never, tab);
	await soon();
	assert.deepEqual([reloads, tab.length], [3, 0], 'what can no longer be kept is not begun with again and again');
});

/** fakeForm is as much of the form as is needed to give a token. */
function fakeForm() {
	const part = () => ({ textContent: '', value: '', focus: () => {}, select: () => {}, setAttribute: () => {}, addEventListener: () => {} });
	let submit = (_: { preventDefault(): void }) => {};
	const parts: Record<string, ReturnType<typeof part>> = { input: part(), button: part(), '.problem': part(), '.owner': part() };
	return {
		hidden: true,
		field: parts.input as ReturnType<typeof part>,
		problem: parts['.problem'] as ReturnType<typeof part>,
		querySelector: (selector: string) => parts[selector] ?? null,
		addEventListener: (_: string, listener: typeof submit) => (submit = listener),
		contains: () => false,
		focus: () => {},
		async enter(token: string) {
			(parts.input as ReturnType<typeof part>).value = token;
			submit({ preventDefault: () => {} });
			for (let turn = 0; turn < 5; turn++) await soon();
		},
	};
}
