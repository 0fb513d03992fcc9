package outbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"

	"plateau/hooks"
	"plateau/store/s3/bucket"
	"plateau/store/s3/outbox"
)

// put writes an object, as somebody else might.
func (b *box) put(t *testing.T, key, text string) {
	t.Helper()
	c := bucket.Content{
		Body: strings.NewReader(text), Size: int64(len(text)),
		CRC32C: crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli)),
	}
	if _, err := b.bucket.Put(t.Context(), key, c, bucket.Any); err != nil {
		t.Fatal(err)
	}
}

func (b *box) list(t *testing.T, dead bool) (lines []string) {
	t.Helper()
	err := b.List(t.Context(), dead, func(e hooks.Entry, reason string) error {
		lines = append(lines, fmt.Sprintf("%s %s %s", e.Name, e.ID, reason))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestOperator(t *testing.T) {
	b := newBox(t, outbox.Options{Page: 2, AskAfter: time.Hour})
	b.mustAdd(t, 4, 0, 2, 1, 3)
	for n := range 3 {
		b.Confirmed(idOf(n))
	}
	entries := b.wantClaimed(t, 0, 1, 2)
	for i, e := range entries[:2] {
		if err := b.Bury(t.Context(), e, fmt.Sprintf("reason\n%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	line := func(n int, reason string) string { return fmt.Sprintf("%s %s %s", nameOf(n), idOf(n), reason) }
	if got, want := b.list(t, false), []string{line(2, ""), line(3, ""), line(4, "")}; !slices.Equal(got, want) {
		t.Errorf("waiting are %q, want %q", got, want)
	}
	if got, want := b.list(t, true), []string{line(0, "reason\n0"), line(1, "reason\n1")}; !slices.Equal(got, want) {
		t.Errorf("dead are %q, want %q", got, want)
	}
	for n, want := range map[int]string{1: "reason\n1", 2: "", 3: ""} {
		e, reason, err := b.Show(t.Context(), nameOf(n))
		if err != nil || reason != want || e.ID != idOf(n) || !e.FinishedAt.Equal(at(n)) {
			t.Errorf("shown is %+v, %q, %v", e, reason, err)
		}
		if _, err := hooks.NewEvent("/test", e); err != nil {
			t.Errorf("no event of what is shown: %v", err)
		}
		if there, err := b.Has(t.Context(), idOf(n), at(n)); !there || err != nil {
			t.Errorf("it is there: %t, %v", there, err)
		}
	}
	if there, err := b.Has(t.Context(), idOf(9), at(9)); there || err != nil {
		t.Errorf("what is nowhere is there: %t, %v", there, err)
	}
	if _, _, err := b.Show(t.Context(), nameOf(9)); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("show what is nowhere: %v", err)
	}
	if err := b.Retry(t.Context(), nameOf(9)); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("retry what is nowhere: %v", err)
	}
	for _, bad := range []string{"", "..", "a/b"} {
		if _, _, err := b.Show(t.Context(), bad); err == nil {
			t.Errorf("%q is shown", bad)
		}
		if err := b.Retry(t.Context(), bad); err == nil {
			t.Errorf("%q is retried", bad)
		}
	}
	if err := b.Retry(t.Context(), nameOf(0)); err != nil {
		t.Fatal(err)
	}
	b.wantClaimed(t, 0)
	if got := b.list(t, true); !slices.Equal(got, []string{line(1, "reason\n1")}) {
		t.Errorf("dead are %q", got)
	}
	again := infoOf(1)
	again.MetaData["filename"] = "another"
	if err := b.Add(t.Context(), again, at(1)); err != nil {
		t.Fatal(err)
	}
	if err := b.Retry(t.Context(), nameOf(1)); err == nil || !strings.Contains(err.Error(), "waits already") {
		t.Errorf("retry what waits too: %v", err)
	}
	b.there(t, "outbox/dead/", nameOf(1))
}

// What can't be read is buried as it is, or stays; the rest goes on.
func TestUnreadable(t *testing.T) {
	var log bytes.Buffer
	buried := 0
	b := newBox(t, outbox.Options{Buried: func() { buried++ }, Log: textLog(&log)})
	other := strings.Replace(`{"format":1,"id":"ID","finishedAt":"2026-11-29T05:41:07Z","record":{}}`, "ID", idOf(9), 1)
	texts := map[int]string{0: "", 1: "\x00\xff garbage", 2: `{"format":1}`, 3: `{"a":"<b>"}`, 4: other}
	for n, text := range texts {
		b.put(t, "outbox/pending/"+nameOf(n), text)
	}
	b.put(t, "outbox/pending/"+nameOf(5), `{"format":2,"id":{"new":true}}`)
	b.put(t, "outbox/pending/README", "hello")
	b.put(t, "outbox/pending/deeper/"+nameOf(0), "hello")
	b.mustAdd(t, 6)
	b.Confirmed(idOf(6))
	b.wantClaimed(t, 6)
	b.there(t, "outbox/pending/", nameOf(5), nameOf(6), "README")
	if got := b.list(t, true); len(got) != len(texts) || buried != len(texts) {
		t.Errorf("%d were buried, dead are %q", buried, got)
	}
	for n, text := range texts {
		e, reason, err := b.Show(t.Context(), nameOf(n))
		if err != nil || string(e.Record) != strings.ReplaceAll(strings.ReplaceAll(text, "<", `\u003c`), ">", `\u003e`) || reason == "" || e.ID != "" {
			t.Errorf("%q is shown as %q, %q, %v", text, e.Record, reason, err)
		}
	}
	for _, want := range []string{nameOf(0), nameOf(5), "README"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log doesn't speak of %s:\n%s", want, &log)
		}
	}
	if err := b.Retry(t.Context(), nameOf(1)); err != nil {
		t.Fatal(err)
	}
	b.wantClaimed(t)
	if b.there(t, "outbox/pending/", nameOf(5), nameOf(6), "README"); buried != len(texts)+1 {
		t.Errorf("%d were buried", buried)
	}
}

// Bytes that are lost bury the entry, whoever has it.
func TestBuryUpload(t *testing.T) {
	b := newBox(t, outbox.Options{})
	b.mustAdd(t, 0)
	for range 2 {
		if err := b.BuryUpload(t.Context(), idOf(0), "the bytes are lost"); err != nil {
			t.Fatal(err)
		}
	}
	b.wantClaimed(t)
	b.reopen(t)
	b.wantClaimed(t)
	if got := b.list(t, true); len(got) != 1 || !strings.HasSuffix(got[0], "the bytes are lost") {
		t.Errorf("dead are %q", got)
	}
}
