import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Uppy } from '@uppy/core';
import { forgetRemoved } from '../src/forget';
import { addAgain, startAdded } from '../src/start';
import type { Body, Meta, Page } from '../src/types';
import { holdOpen } from '../src/upload';
import type { Failure } from '../src/words';

/** page is Uppy with an uploader that only says what it is to run. */
function page(): { uppy: Page; runs: string[][]; failures: Map<string, Failure> } {
	const uppy: Page = new Uppy<Meta, Body>({ onBeforeFileAdded: addAgain });
	const runs: string[][] = [];
	const failures = new Map<string, Failure>();
	uppy.addUploader(async (ids) => {
		runs.push(uppy.getFilesByIds(ids).map((file) => `${file.name}${file.error ? ' failed' : ''}`));
		uppy.emit('upload-start', uppy.getFilesByIds(ids).filter((file) => !file.isRestored));
	});
	startAdded(uppy, failures);
	return { uppy, runs, failures };
}
const chosen = (name: string, size = 4, relativePath?: string) => ({ name, type: 'x/y', data: new Blob(['x'.repeat(size)]), ...(relativePath ? { meta: { relativePath } as Meta } : {}) });
const names = (uppy: Page) => uppy.getFiles().map((file) => file.name);
const idOf = (uppy: Page, name: string) => uppy.getFiles().find((file) => file.name === name)?.id ?? '';

test('choosing a file again', () => {
	const there = { id: 'a', error: null, isRemote: false, data: 'old', progress: { uploadStarted: 1 }, meta: { name: 'a' } };
	const chosen = { id: 'a', isRemote: false, data: 'new', meta: { name: 'a', relativePath: null } };
	assert.equal(addAgain(chosen as never, { a: there } as never), false);
	const failed = { ...there, error: 'No.' };
	assert.deepEqual(addAgain(chosen as never, { a: failed } as never), { ...failed, data: 'new', error: null, isGhost: false });
	assert.deepEqual(addAgain(chosen as never, { a: { ...failed, isGhost: true } } as never), { ...failed, data: 'new', error: null, isGhost: false });
	assert.deepEqual(addAgain(chosen as never, {} as never), { ...chosen, meta: { name: 'a' } });
	const inFolder = { ...chosen, meta: { name: 'a', relativePath: 'b/a' } };
	assert.deepEqual(addAgain(inFolder as never, {} as never), inFolder);
});

test('many files beside one that failed are run as one, without it', () => {
	const { uppy, runs } = page();
	uppy.addFiles([chosen('bad')]);
	uppy.setFileState(idOf(uppy, 'bad'), { error: 'No.' });
	const many = Array.from({ length: 300 }, (_, i) => `n${i}`);
	uppy.addFiles(many.map((name) => chosen(name)));
	assert.deepEqual(runs, [['bad'], many]);
	uppy.addFiles([chosen('bad'), chosen('n1')]);
	assert.deepEqual(runs.slice(2), [['bad']]);
});

test('a ghost is gone on with, and stays where another file of its name is chosen', () => {
	const { uppy, runs } = page();
	const ghost = (name: string) => uppy.setFileState(idOf(uppy, name), { isGhost: true, isRestored: true, isPaused: true, data: undefined as never });
	uppy.addFiles([chosen('a'), chosen('b')]);
	ghost('a');
	uppy.addFiles([chosen('a')]);
	assert.deepEqual(runs.at(-1), ['a']);
	assert.deepEqual([uppy.getFile(idOf(uppy, 'a'))?.isGhost, uppy.getFile(idOf(uppy, 'a'))?.isPaused], [false, false]);

	ghost('b');
	uppy.addFiles([chosen('b', 5, 'folder/b')]);
	assert.deepEqual(names(uppy), ['a', 'b', 'b'], 'another folder, another file');
	uppy.addFiles([chosen('b', 6)]);
	assert.deepEqual(names(uppy), ['a', 'b', 'b', 'b'], 'what was sent of it is not thrown away unasked');
});

test('a file that failed because it changed gives way to it, unless two could be meant', () => {
	const { uppy, failures } = page();
	const fail = (size: number) => {
		const file = uppy.getFiles().find((one) => one.size === size);
		assert.ok(file);
		uppy.setFileState(file.id, { error: 'changed' });
		failures.set(file.id, 'unreadable');
	};
	uppy.addFiles([chosen('a', 1), chosen('a', 2)]);
	fail(1);
	fail(2);
	uppy.addFiles([chosen('a', 3)]);
	assert.deepEqual(uppy.getFiles().map((file) => file.size), [1, 2, 3]);
	uppy.addFiles([chosen('b', 4)]);
	fail(4);
	uppy.addFiles([chosen('b', 5)]);
	assert.deepEqual(uppy.getFiles().map((file) => file.size), [1, 2, 3, 5]);
});

test('a file is at 100 percent when the server has confirmed it, not before', () => {
	const { uppy } = page();
	uppy.addFiles([chosen('a', 1000)]);
	const id = idOf(uppy, 'a');
	uppy.on('upload-progress', (file) => file && holdOpen(uppy, file.id));
	const progress = (bytesUploaded: number) => {
		uppy.emit('upload-progress', uppy.getFile(id), { uploadStarted: 1, bytesUploaded, bytesTotal: 1000 });
		const { percentage, bytesUploaded: sent } = uppy.getFile(id)?.progress ?? {};
		return [percentage, sent];
	};
	assert.deepEqual(progress(500), [50, 500]);
	assert.deepEqual(progress(996), [99, 996]);
	assert.deepEqual(progress(1000), [99, 1000]);
	assert.deepEqual(progress(0), [0, 0], 'after a break it is sent again');
	uppy.emit('upload-success', uppy.getFile(id), { status: 200, uploadURL: 'http://plateau.test/files/a' } as never);
	assert.equal(uppy.getFile(id)?.progress.percentage, 100);
});

test('cancelling is quiet where the server has the upload no more, and asks where Uppy holds the request back', async () => {
	const asked: string[] = [];
	globalThis.fetch = async (url, init) => {
		asked.push(`${init?.method} ${url}`);
		throw new Error('away');
	};
	const all = (uppy: Page) => uppy.cancelAll();
	const one = (uppy: Page) => uppy.removeFile(idOf(uppy, 'a'));
	for (const [cancel, originalResponse] of [[all, {}], [one, {}], [all, null], [one, null]] as const) {
		const { uppy } = page();
		asked.length = 0;
		const uploader = { url: '/files/a', abort: async (_: boolean): Promise<void> => { throw Object.assign(new Error('no'), { originalResponse }); } };
		uppy.addFiles([chosen('a')]);
		forgetRemoved(uppy, { uploaders: { [idOf(uppy, 'a')]: uploader as never } });
		cancel(uppy);
		await uploader.abort(true);
		assert.deepEqual(asked, originalResponse ? [] : ['DELETE /files/a']);
	}
});
