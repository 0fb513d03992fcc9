/**
 * One tab at a time keeps uploads and brings them back.
 *
 * A second tab would otherwise take the first one's running uploads for left-over ones and fight it for them. The owner
 * holds a Web Lock, which the browser lets go of whatever ends the tab. On plain http under a host name there are no locks:
 * there a tab asks the others on a BroadcastChannel, and the one that keeps uploads answers.
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

/** How long the owner may take to answer, and a page that is being left to let go. */
const patience = 250;
const leaving = 600;
/** How often a tab looks whether the owner is gone, and how long a reload of the owner may take. */
const look = 5000;
const reload = 2000;

/** join finds out who keeps uploads. It ends at once in the first tab, and within a second in others. */
export async function join(name: string): Promise<Tabs> {
	const me = Math.random();
	const channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(name);
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

	/** claim makes this tab the owner if no other is. */
	const claim = async () => {
		tabs.owner = navigator.locks ? await lock(name) : await silence();
		if (tabs.owner) {
			tabs.busyElsewhere = false;
			say();
		} else {
			post({ ask: me });
		}
		return tabs.owner;
	};

	/** silence asks the other tabs, and is true if none answers. */
	const silence = async () => {
		candidate = true;
		const alone = await new Promise<boolean>((resolve) => {
			answered = () => resolve(false);
			setTimeout(() => resolve(true), patience);
			post({ ask: me });
		});
		candidate = false;
		return alone;
	};

	await claim();
	if (!tabs.owner && navigator.locks) void succeed(name, claim, () => tabs.changed());
	return tabs;
}

/** lock takes the lock if it is free, or becomes so at once: a page that is being left lets go a moment after the next one starts. */
function lock(name: string): Promise<boolean> {
	return new Promise((resolve) => {
		navigator.locks
			.request(name, { signal: AbortSignal.timeout(leaving) }, () => {
				resolve(true);
				return new Promise<never>(() => {}); // until the tab ends
			})
			.catch(() => resolve(false));
	});
}

/** succeed waits until the owner is gone for good and takes its place. */
async function succeed(name: string, claim: () => Promise<boolean>, changed: () => void): Promise<void> {
	const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
	for (;;) {
		await sleep(look);
		if (await held(name)) continue;
		await sleep(reload); // the owner may just be reloading
		if (!(await held(name)) && (await claim())) return changed();
	}
}

async function held(name: string): Promise<boolean> {
	const { held: all } = await navigator.locks.query();
	return all?.some((one) => one.name === name) ?? false;
}
