import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join, type Tabs } from '../src/tabs';

const times = { patience: 30, leaving: 40, look: 20, reload: 20 };

/** Channel reaches the other channels of its kind, until its tab is closed. */
class Channel {
	static all: Channel[] = [];
	private listener: ((event: { data: unknown }) => void) | undefined;
	constructor() {
		Channel.all.push(this);
	}
	addEventListener(_: string, listener: (event: { data: unknown }) => void) {
		this.listener = listener;
	}
	postMessage(data: unknown) {
		for (const other of Channel.all) if (other !== this && Channel.all.includes(this)) setTimeout(() => other.listener?.({ data }));
	}
}

/** browser sets what the tabs find. */
function browser(locks: unknown, channel: unknown = Channel) {
	Channel.all = [];
	Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true });
	Object.defineProperty(globalThis, 'BroadcastChannel', { value: channel, configurable: true });
}

const becomesOwner = (tab: Tabs) =>
	new Promise<boolean>((resolve) => {
		const late = setTimeout(() => resolve(tab.owner), 5000);
		tab.changed = () => {
			if (!tab.owner) return;
			clearTimeout(late);
			resolve(true);
		};
	});

const refused = { request: () => Promise.reject(new Error('The request was denied.')), query: () => Promise.reject(new Error('The request was denied.')) };

for (const [how, locks] of [['there are no locks', undefined], ['locks are refused', refused]] as const) {
	test(`where ${how}, a second tab hears of the first and takes its place`, async () => {
		browser(locks);
		const one = await join('x', times);
		one.tell(true);
		const two = await join('x', times);
		assert.deepEqual([one.owner, two.owner], [true, false]);
		await new Promise((resolve) => setTimeout(resolve, 10));
		assert.equal(two.busyElsewhere, true);

		Channel.all.shift(); // the first tab is closed
		assert.equal(await becomesOwner(two), true);
		assert.equal(two.busyElsewhere, false);
		assert.deepEqual([(await join('x', times)).owner, two.owner], [false, true]);
		Channel.all.splice(1); // and the third
	});
}

test('where nothing is to be had each tab is on its own', async () => {
	browser(refused, class { constructor() { throw new Error('denied'); } });
	assert.equal((await join('x', times)).owner, true);
	assert.equal((await join('x', times)).owner, true);
});

test('a lock that another tab holds is waited for', async () => {
	let holder = true;
	browser({
		request: (_: string, { signal }: { signal: AbortSignal }, use: () => Promise<never>) =>
			holder ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))) : use(),
		query: async () => ({ held: holder ? [{ name: 'x' }] : [] }),
	});
	const two = await join('x', times);
	assert.equal(two.owner, false);
	holder = false;
	assert.equal(await becomesOwner(two), true);
});
