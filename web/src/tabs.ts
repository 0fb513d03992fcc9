/**
 * One tab at a time keeps uploads and brings them back.
 *
 * A second tab would otherwise take the first one's running uploads for left-over ones and fight it for them. The owner
 * holds a Web Lock, which the browser lets go of whatever ends the tab. On plain http under a host name there are no locks, and
 * where a person has blocked a site's data they are refused: there a tab asks the others on a BroadcastChannel, and the one that
 * keeps uploads answers. Where that is missing, too, every tab is on its own.
 */

/** Tabs is this tab's place among the tabs of one server. */
export interface Tabs {
	/** Whether this tab keeps uploads. */
	owner: boolean;
	/** Whether the owner says that uploads run there. Undefined while this tab is the owner. */
	busyElsewhere: boolean;
	/** tell lets the other tabs know whether uploads run here. */
	tell(busy: boolean): void;
	/** changed is called whenever owner or busyElsewhere does. */
	changed: () => void;
}

type Message = { ask: number } | { owner: number; busy: boolean };

/** Milliseconds. */
export const times = {
	/** How long the owner may take to answer, and a page that is being left to let go. */
	patience: 250,
	leaving: 600,
	/** How often a tab looks whether the owner is gone, and how long a reload of the owner may take. */
	look: 5000,
	reload: 2000,
};

/** join finds out who keeps uploads. It ends at once in the first tab, and within a second in others. */
export async function join(name: string, { patience, leaving, look, reload } = times): Promise<Tabs> {
	const me = Math.random();
	const channel = openChannel(name);
	let locks: LockManager | undefined = navigator.locks;
	let busy = false;
	let candidate = false;
	let answered = () => {};

	const tabs: Tabs = {
		owner: false,
		busyElsewhere: false,
		tell(now) {
			if (busy === now) return;
			busy = now;
			if (tabs.owner) say();
		},
		changed: () => {},
	};
	const post = (message: Message) => channel?.postMessage(message);
	const say = () => post({ owner: me, busy });

	channel?.addEventListener('message', ({ data }: MessageEvent<Message>) => {
		if ('ask' in data) {
			// Of two that ask at once the lower number goes first.
			if (tabs.owner || (candidate && me < data.ask)) say();
			return;
		}
		answered();
		if (tabs.owner || tabs.busyElsewhere === data.busy) return;
		tabs.busyElsewhere = data.busy;
		tabs.changed();
	});

	/** silence asks the other tabs, and is true if none answers. */
	const silence = async () => {
		if (!channel) return true;
		candidate = true;
		const alone = await new Promise<boolean>((resolve) => {
			answered = () => resolve(false);
			setTimeout(() => resolve(true), patience);
			post({ ask: me });
		});
		candidate = false;
		return alone;
	};

	/** claim makes this tab the owner if no other is. */
	const claim = async () => {
		const got = locks ? await lock(locks, name, leaving) : 'refused';
		if (got === 'refused') locks = undefined;
		tabs.owner = got === 'refused' ? await silence() : got === 'mine';
		if (tabs.owner) {
			tabs.busyElsewhere = false;
			say();
		} else {
			post({ ask: me });
		}
		return tabs.owner;
	};

	/** free says whether nobody keeps uploads now. */
	const free = async () => (locks ? !(await held(locks, name)) : silence());

	/** succeed waits until the owner is gone for good and takes its place. */
	const succeed = async () => {
		for (;;) {
			await sleep(look);
			if (!(await free())) continue;
			await sleep(reload); // the owner may just be reloading
			if ((await free()) && (await claim())) return tabs.changed();
		}
	};

	await claim();
	if (!tabs.owner) void succeed();
	return tabs;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function openChannel(name: string): BroadcastChannel | undefined {
	try {
		return new BroadcastChannel(name);
	} catch {
		return undefined; // missing or refused
	}
}

/** lock takes the lock if it is free, or becomes so at once: a page that is being left lets go a moment after the next one starts. */
function lock(locks: LockManager, name: string, leaving: number): Promise<'mine' | 'theirs' | 'refused'> {
	return new Promise((resolve) => {
		const late = AbortSignal.timeout(leaving);
		locks
			.request(name, { signal: late }, () => {
				resolve('mine');
				return new Promise<never>(() => {}); // until the tab ends
			})
			.catch(() => resolve(late.aborted ? 'theirs' : 'refused'));
	});
}

/** held is false as well where it cannot be known: asking for the lock then tells. */
async function held(locks: LockManager, name: string): Promise<boolean> {
	try {
		const { held: all } = await locks.query();
		return all?.some((one) => one.name === name) ?? false;
	} catch {
		return false;
	}
}
