/** Which stretch of time the plots show: the last minutes, moving along, or one that was picked out by hand. */

/** Shown is a stretch of time, and where the samples began when it was drawn. Seconds since 1970. */
export interface Shown {
	readonly from: number;
	readonly to: number;
	readonly first: number;
}

export class View {
	private seconds = 900;
	private picked: readonly [number, number] | undefined;

	/** changed is called when another stretch is to be shown. */
	changed: () => void = () => {};

	/** follow shows the last seconds. */
	follow(seconds: number = this.seconds): void {
		this.seconds = seconds;
		this.picked = undefined;
		this.changed();
	}

	/** pick stays with a stretch, in seconds since 1970. One of less than five seconds is a slip of the hand. */
	pick(from: number, to: number): void {
		if (to - from < 5) return;
		this.picked = [from, to];
		this.changed();
	}

	get stays(): boolean {
		return this.picked !== undefined;
	}

	/** shown is what is to be shown of these samples. */
	shown({ times }: { readonly times: readonly number[] }): Shown {
		const newest = times.at(-1) ?? Date.now() / 1000;
		const [from, to] = this.picked ?? [newest - this.seconds, newest];
		return { from, to, first: times[0] ?? 0 };
	}

	/** moved says whether a plot so many pixels wide would look different from what was drawn last. */
	moved(drawn: Shown | undefined, columns: { readonly times: readonly number[] }, pixels: number): boolean {
		const { from, to, first } = this.shown(columns);
		if (!drawn || drawn.first !== first || Math.abs(drawn.to - drawn.from - (to - from)) > 1e-6) return true;
		return Math.abs(to - drawn.to) * Math.max(1, pixels) >= to - from;
	}
}
