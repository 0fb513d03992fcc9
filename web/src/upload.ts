/**
 * How a file goes up: @uppy/tus with the rules of requests.ts.
 *
 * The fingerprint of a finished file is forgotten: otherwise other content with the same name, size and date would be called
 * complete without a byte sent.
 */

import Tus from '@uppy/tus';
import type { Activity } from './activity';
import { addresses } from './addresses';
import { hooks, retryDelays } from './requests';
import type { Token } from './token';
import type { Body, Meta, Page } from './types';
import type { Failure } from './words';

/**
 * atOnce is how many files go up together. Over HTTP/1.1 a browser opens six connections to a server for all its tabs: with four
 * for the tab that keeps uploads and one for a second, one is left free, or neither this page nor a finished file could be opened
 * meanwhile. A second tab stays at one when it takes over. protocol is how the page itself came.
 */
export function atOnce(protocol: string | undefined, owner: boolean): number {
	if (protocol === 'h2' || protocol === 'h3') return 20;
	return owner ? 4 : 1;
}

/** useTus installs the uploader. failures says why a file was given up, by its id. */
export function useTus(uppy: Page, endpoint: string, activity: Activity, failures: Map<string, Failure>, kept: Storage | undefined, owner: boolean, token: Token | undefined): Tus<Meta, Body> {
	const wanted = (id: string) => {
		const file = uppy.getFile(id);
		return file !== undefined && !file.isPaused;
	};
	const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
	uppy.use(Tus<Meta, Body>, {
		endpoint,
		retryDelays,
		removeFingerprintOnSuccess: true,
		urlStorage: addresses(kept),
		limit: atOnce(navigation?.nextHopProtocol, owner),
		...hooks(activity, failures, wanted, token),
	});
	const tus = uppy.getPlugin<Tus<Meta, Body>>('Tus');
	if (!tus) throw new Error('the uploader was not installed');

	token?.onChange(() => {
		if (!token.refused) restart(uppy, activity.waitingFor('token'));
	});
	uppy.on('upload-progress', (file, progress) => {
		if (!file) return;
		activity.progress(file.id, progress.bytesUploaded || 0, Date.now());
		holdOpen(uppy, file.id);
	});
	uppy.on('upload-success', (file) => file && activity.ended(file.id));
	uppy.on('upload-error', (file) => file && activity.ended(file.id));
	uppy.on('upload-pause', (file, paused) => file && paused && activity.ended(file.id));
	uppy.on('file-removed', (file) => activity.ended(file.id));
	uppy.on('pause-all', () => uppy.getFiles().forEach((file) => activity.ended(file.id)));
	return tus;
}

/** restart breaks off what uploads are at and has them ask the server where to go on. */
export function restart(uppy: Page, ids: readonly string[]): void {
	for (const id of ids) {
		uppy.pauseResume(id);
		uppy.pauseResume(id);
	}
}

/**
 * holdOpen keeps a file at 99 percent until the server has confirmed it. Uppy takes no more progress of a file at 100, which it
 * reaches by rounding: after a break near the end it would show a full bar while everything is sent again.
 */
export function holdOpen(uppy: Pick<Page, 'getFile' | 'setFileState'>, id: string): void {
	const progress = uppy.getFile(id)?.progress;
	if (progress?.percentage === 100 && !progress.uploadComplete) uppy.setFileState(id, { progress: { ...progress, percentage: 99 } });
}
