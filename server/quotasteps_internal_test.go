package server

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

func (m *quotaModel) step() {
	switch owner := []string{"", "a", "b"}[m.random.IntN(3)]; m.random.IntN(20) {
	case 0, 1, 2:
		m.create(owner, handler.FileInfo{Size: m.random.Int64N(8000)}, m.random.IntN(2) == 0)
	case 3, 4:
		m.create(owner, handler.FileInfo{SizeIsDeferred: true}, m.random.IntN(2) == 0)
	case 5, 6:
		m.create(owner, handler.FileInfo{Size: m.random.Int64N(2000), IsPartial: true}, m.random.IntN(2) == 0)
	case 7, 8, 9, 10:
		m.patch()
	case 11:
		m.declare()
	case 12, 13:
		m.delete(m.any(func(*modelUpload) bool { return true }))
	case 14, 15:
		m.concat(owner)
	case 16:
		m.form(owner)
	case 17:
		m.sweep()
	case 18:
		if m.random.IntN(10) == 0 {
			m.expire()
		}
	case 19:
		if m.random.IntN(5) == 0 {
			m.close()
			m.open()
		}
	}
	for range m.random.IntN(3) {
		m.fill()
	}
}

// any returns the id of one of the uploads that are so; empty: there is none.
func (m *quotaModel) any(so func(*modelUpload) bool) string {
	var ids []string
	for id, u := range m.uploads {
		if so(u) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	slices.Sort(ids)
	return ids[m.random.IntN(len(ids))]
}

func (m *quotaModel) context(method, owner string) context.Context {
	return store.WithRequest(context.Background(), &store.Request{Method: method, Owner: owner, Offset: -1})
}

// overQuota checks an answer against what the model expects, and reports whether it was 507.
func (m *quotaModel) overQuota(what, owner string, more account, err error) bool {
	m.Helper()
	var a account
	for _, u := range m.uploads {
		if u.owner == owner {
			a = a.plus(u.account())
		}
	}
	answer, isAnswer := errors.AsType[handler.Error](err)
	refused := isAnswer && answer.ErrorCode == "ERR_QUOTA_EXCEEDED"
	if refused {
		m.refused++
	}
	if err != nil && !isAnswer {
		m.Errorf("%s: %v", what, err)
	}
	over := exceeds(m.limits.bytes, a.bytes, more.bytes) || exceeds(m.limits.openBytes, a.openBytes, more.openBytes) || exceeds(m.limits.uploads, a.uploads, more.uploads)
	if refused && !over || over && !refused && m.filling == nil && err == nil {
		m.Errorf("%s, %+v beside %+v of %q: got %v", what, more, a, owner, err)
	}
	return refused
}

func (m *quotaModel) create(owner string, info handler.FileInfo, withBody bool) {
	m.Helper()
	u := &modelUpload{owner: owner, size: info.Size, part: info.IsPartial}
	if info.SizeIsDeferred {
		u.size = -1
	}
	ctx := m.context(http.MethodPost, owner)
	made, err := m.store.NewUpload(ctx, info)
	if m.overQuota("create", owner, u.account(), err); err != nil {
		return
	}
	info, _ = made.GetInfo(ctx) // never fails
	m.uploads[info.ID] = u
	switch {
	case withBody:
		m.write(ctx, made, info, u)
	case u.size == 0:
		m.finish(ctx, made, info.ID, u)
	}
}

// write sends some of the bytes that are missing, and finishes the upload if that was the last.
func (m *quotaModel) write(ctx context.Context, at handler.Upload, info handler.FileInfo, u *modelUpload) {
	m.Helper()
	n := m.random.Int64N(3000)
	if u.size >= 0 && (m.random.IntN(2) == 0 || n > u.size-u.offset) {
		n = u.size - u.offset
	}
	creates := store.RequestFrom(ctx).Creates()
	written, err := at.WriteChunk(ctx, info.Offset, bytes.NewReader(make([]byte, n)))
	if u.size < 0 {
		before := u.offset
		if m.overQuota("write", u.owner, account{n, n, 0}, err) && (creates || written > n) {
			delete(m.uploads, info.ID)
			return
		}
		u.offset = before + written
		return
	}
	if u.offset += written; err != nil {
		m.Errorf("write: %v", err)
	}
	if u.offset == u.size {
		m.finish(ctx, at, info.ID, u)
	}
}

func (m *quotaModel) finish(ctx context.Context, at handler.Upload, id string, u *modelUpload) {
	switch err := at.FinishUpload(ctx); {
	case err == nil:
		m.isSealed(id, u)
	case store.RequestFrom(ctx).Creates():
		delete(m.uploads, id)
	}
}

func (m *quotaModel) isSealed(id string, u *modelUpload) {
	if u.sealed = true; u.part {
		m.parts = append(m.parts, id)
	}
}

func (m *quotaModel) patch() {
	m.Helper()
	id := m.any(func(u *modelUpload) bool { return !u.sealed })
	if id == "" {
		return
	}
	u := m.uploads[id]
	ctx := m.context(http.MethodPatch, u.owner)
	at, err := m.store.GetUpload(ctx, id)
	if u.offset == u.size { // it is finished again
		if err == nil {
			m.isSealed(id, u)
		}
		return
	}
	if err != nil {
		m.Errorf("open: %v", err)
		return
	}
	info, _ := at.GetInfo(ctx) // never fails
	m.write(ctx, at, info, u)
}

func (m *quotaModel) declare() {
	m.Helper()
	id := m.any(func(u *modelUpload) bool { return u.size < 0 })
	if id == "" {
		return
	}
	u := m.uploads[id]
	ctx := m.context(http.MethodPatch, u.owner)
	at, err := m.store.GetUpload(ctx, id)
	if err != nil {
		m.Errorf("open: %v", err)
		return
	}
	more := m.random.Int64N(5000)
	err = m.store.AsLengthDeclarableUpload(at).DeclareLength(ctx, u.offset+more)
	if m.overQuota("declare", u.owner, account{more, more, 0}, err); err != nil {
		return
	}
	if u.size = u.offset + more; more == 0 {
		m.finish(ctx, at, id, u)
	}
}

func (m *quotaModel) delete(id string) {
	m.Helper()
	if id == "" {
		return
	}
	ctx := m.context(http.MethodDelete, "")
	at, err := m.store.GetUpload(ctx, id)
	if err == nil {
		err = m.store.AsTerminatableUpload(at).Terminate(ctx)
	}
	if err != nil {
		m.Errorf("delete: %v", err)
	}
	m.forget(id)
}

func (m *quotaModel) forget(id string) {
	delete(m.uploads, id)
	m.parts = slices.DeleteFunc(m.parts, func(part string) bool { return part == id })
}

func (m *quotaModel) concat(owner string) {
	m.Helper()
	if len(m.parts) == 0 {
		return
	}
	m.random.Shuffle(len(m.parts), func(i, k int) { m.parts[i], m.parts[k] = m.parts[k], m.parts[i] })
	parts := slices.Clone(m.parts[:1+m.random.IntN(len(m.parts))])
	info := handler.FileInfo{IsFinal: true, PartialUploads: parts}
	for _, part := range parts {
		info.Size += m.uploads[part].size
	}
	ctx := m.context(http.MethodPost, owner)
	at, err := m.store.NewUpload(ctx, info)
	if err != nil {
		m.Errorf("a final: %v", err)
		return
	}
	if m.store.AsConcatableUpload(at).ConcatUploads(ctx, nil) != nil {
		return // its event failed
	}
	for _, part := range parts {
		m.forget(part)
	}
	info, _ = at.GetInfo(ctx) // never fails
	m.uploads[info.ID] = &modelUpload{owner: owner, size: info.Size, offset: info.Size, sealed: true}
}

// form makes a form of some files. If it fails, those before the one that failed stay.
func (m *quotaModel) form(owner string) {
	m.Helper()
	ctx := m.context(http.MethodPost, owner)
	var drafts []store.Draft
	var began []*modelUpload
	failed := false
	for range 1 + m.random.IntN(3) {
		u := &modelUpload{owner: owner, size: -1}
		d, err := m.store.NewDraft(ctx)
		if m.overQuota("draft", owner, u.account(), err); err != nil {
			failed = true
			break
		}
		drafts, began = append(drafts, d), append(began, u)
		m.uploads[d.ID()] = u
		b := make([]byte, m.random.IntN(4000))
		err = d.Append(ctx, b)
		if m.overQuota("append", owner, account{int64(len(b)), int64(len(b)), 0}, err); err != nil {
			failed = true
			break
		}
		u.offset = int64(len(b))
	}
	m.check()
	if failed || m.random.IntN(3) == 0 {
		for _, d := range drafts {
			delete(m.uploads, d.ID())
			if err := d.Abandon(); err != nil {
				m.Errorf("abandon: %v", err)
			}
		}
		return
	}
	for i, done := range m.store.FinishDrafts(ctx, drafts, make([]handler.MetaData, len(drafts))) {
		began[i].size, began[i].sealed = began[i].offset, true
		if done.Err != nil {
			delete(m.uploads, drafts[i].ID())
		}
	}
}
