package disk

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// What can't be used is said, to the client and by the sweep, and never
// guessed at. Nobody's bytes are touched.
func TestUnusable(t *testing.T) {
	info := func(id, rest string) string {
		return fmt.Sprintf(`{"ID":%q,"Size":5%s}`, id, rest)
	}
	const id, other = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	for _, c := range []struct {
		name, record, data string
		mode               os.FileMode // of the data; 0: there is none
		swept              int
	}{
		{"empty", "", "abc", 0o644, 1},
		{"not JSON", "{", "abc", 0o644, 1},
		{"another type", "[]", "abc", 0o644, 1},
		{"a number that is none", `{"ID":"` + id + `","Size":"5"}`, "abc", 0o644, 1},
		{"null", "null", "abc", 0o644, 1},
		{"of another upload", info(other, ""), "abc", 0o644, 1},
		{"negative", `{"ID":"` + id + `","Size":-1}`, "abc", 0o644, 1},
		{"data elsewhere", info(id, `,"Storage":{"Path":"/etc/passwd"}`), "abc", 0o644, 1},
		{"too large", info(id, `,"MetaData":{"x":"`+strings.Repeat("x", maxRecord)+`"}`), "abc", 0o644, 1},
		{"longer than promised", info(id, ""), "abcdef", 0o644, 1},
		// The sweep doesn't read the records of what is sealed or not there.
		{"sealed and shorter", info(id, ""), "abc", 0o444, 0},
		{"sealed without a length", `{"ID":"` + id + `","SizeIsDeferred":true}`, "", 0o444, 0},
		{"no data", info(id, ""), "", 0, 0},
		{"no data and a final that isn't there", info(id, `,"IsPartial":true,"Storage":{"Final":"`+other+`"}`), "", 0, 0},
		{"no data and a final elsewhere", info(id, `,"IsPartial":true,"Storage":{"Final":"../../x"}`), "", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := openFolder(t, t.TempDir())
			f.must(os.WriteFile(f.path(id+".info"), []byte(c.record), 0o644))
			if c.mode != 0 {
				f.must(os.WriteFile(f.path(id), []byte(c.data), c.mode))
			}
			f.wantUnusable(id)
			n := f.sweep()
			if n.Unusable != c.swept || n.Finished+n.Removed != 0 || c.swept > 0 && (n.Example != id || n.Err == nil) {
				t.Errorf("the sweep counts %+v", n)
			}
			_, err := f.NewUpload(as(t, http.MethodPost), handler.FileInfo{ID: id, Size: 9})
			wantStatus(t, err, http.StatusConflict)
			if b, err := os.ReadFile(f.path(id)); c.mode != 0 && (err != nil || string(b) != c.data) {
				t.Errorf("the data is now %q (error %v)", b, err)
			}
			if b, err := os.ReadFile(f.path(id + ".info")); err != nil || string(b) != c.record {
				t.Errorf("the record is now %.100q (error %v)", b, err)
			}
			f.wantEvents()
		})
	}
}

// wantUnusable checks that every request for id hears 410, save DELETE.
func (f *folder) wantUnusable(id string) {
	f.t.Helper()
	for _, method := range []string{http.MethodHead, http.MethodPatch, http.MethodPost} {
		_, err := f.GetUpload(as(f.t, method), id)
		wantStatus(f.t, err, http.StatusGone)
	}
	content, err := f.Content(as(f.t, http.MethodGet), id)
	if err == nil {
		content.Body.Close()
	}
	wantStatus(f.t, err, http.StatusGone)
}

func TestNotAFile(t *testing.T) {
	f := openFolder(t, t.TempDir())
	secret := f.dir + "/secret"
	f.must(os.WriteFile(secret, []byte("12345"), 0o444))
	link := f.upload(handler.FileInfo{Size: 5}, "")
	dir := f.upload(handler.FileInfo{Size: 5}, "")
	f.must(os.Remove(f.path(link)))
	f.must(os.Symlink(secret, f.path(link)))
	f.must(os.Remove(f.path(dir)))
	f.must(os.Mkdir(f.path(dir), 0o755))
	f.wantUnusable(link)
	f.wantUnusable(dir)
	f.sweep()
	if b, err := os.ReadFile(secret); err != nil || string(b) != "12345" {
		t.Errorf("a file outside is now %q, error %v", b, err)
	}
}

// After a failed fsync the data is set aside; if even that fails, the upload is
// refused until the process ends.
func TestDamage(t *testing.T) {
	f := openFolder(t, t.TempDir())
	id := f.upload(handler.FileInfo{Size: 5}, "abc")
	cause := fmt.Errorf("fsync: %w", os.ErrInvalid)
	if err := f.damage(handler.FileInfo{ID: id}, cause); err != cause {
		t.Errorf("damage returns %v", err)
	}
	f.wantUnusable(id)
	f.wantFile(id, 0)
	if b, err := os.ReadFile(f.path(id + ".damaged")); err != nil || string(b) != "abc" {
		t.Errorf("the data set aside is %q, error %v", b, err)
	}
	f.sweep()

	refused := f.upload(handler.FileInfo{Size: 5}, "abc")
	f.must(os.Mkdir(f.path(refused+".damaged"), 0o755)) // in the way of the rename
	if err := f.damage(handler.FileInfo{ID: refused}, cause); err != cause {
		t.Errorf("damage returns %v", err)
	}
	f.wantUnusable(refused)
	if n := f.sweep(); n.Unusable != 1 {
		t.Errorf("the sweep counts %+v", n)
	}
	f.wantEvents()
}

// What can't be used can be removed, with all that is left of it.
func TestDeleteUnusable(t *testing.T) {
	f := openFolder(t, t.TempDir())
	noData := f.upload(handler.FileInfo{Size: 5}, "abc")
	f.must(os.Remove(f.path(noData)))
	f.must(os.WriteFile(f.path(noData+".info.tmp"), nil, 0o644)) // a crash while it was replaced
	broken := f.upload(handler.FileInfo{Size: 5}, "abc")
	f.must(os.WriteFile(f.path(broken+".info"), []byte("{"), 0o644))
	damaged := f.upload(handler.FileInfo{Size: 5}, "abc")
	_ = f.damage(handler.FileInfo{ID: damaged}, errors.New("fsync failed"))
	for _, id := range []string{noData, broken, damaged} {
		u, err := f.GetUpload(as(t, http.MethodDelete), id)
		if err != nil {
			t.Fatal(err)
		}
		f.must(f.AsTerminatableUpload(u).Terminate(as(t, http.MethodDelete)))
		_, err = f.GetUpload(as(t, http.MethodHead), id)
		wantStatus(t, err, http.StatusNotFound)
	}
	entries, err := os.ReadDir(f.path(""))
	if err != nil || len(entries) > 0 {
		t.Errorf("left: %v (error %v)", entries, err)
	}
}

// Where letters of names may be large or small, as on macOS, an upload has one id all the same: nothing is done by another.
func TestIDsOfOtherCase(t *testing.T) {
	f := openFolder(t, t.TempDir())
	ctx := store.WithRequest(t.Context(), &store.Request{IDPrefix: "tenant"})
	u, err := f.NewUpload(ctx, handler.FileInfo{Size: 5})
	f.must(err)
	info, err := u.GetInfo(ctx)
	f.must(err)
	f.must(f.send(info.ID, 0, "hello"))
	other := strings.ToUpper(info.ID)
	for _, suffix := range []string{"", ".info"} {
		if err := os.Link(f.path(info.ID+suffix), f.path(other+suffix)); err != nil && !errors.Is(err, os.ErrExist) {
			t.Fatal(err)
		}
	}
	for _, method := range []string{http.MethodHead, http.MethodPatch, http.MethodDelete, http.MethodGet} {
		if _, err := f.GetUpload(as(t, method), other); !isNotFound(err) {
			t.Errorf("%s: %v", method, err)
		}
	}
	if _, err := f.Record(as(t, http.MethodDelete), other); !isNotFound(err) {
		t.Errorf("its record: %v", err)
	}
	f.sweep()
	f.wantContent(info.ID, "hello")
	if text, err := os.ReadFile(f.path(other)); string(text) != "hello" {
		t.Errorf("its data is %q, %v", text, err)
	}
}
