// Package web serves the upload page from inside the binary.
//
// The page is what a build puts into dist, which holds only .keep in git. A binary that was built without it serves a short page
// that says so instead (fallback.html, outside dist), so that the server always builds and always answers at its root.
//
// What it promises: only files that were built are served, never a listing, never a file whose name begins with a dot.
// Everything is in the binary, so nothing here touches the disk, waits, or grows with use. No page may run what is not in
// the binary: the Content-Security-Policy allows no inline script or style and no other host.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed all:dist
var dist embed.FS

//go:embed fallback.html fallback.css
var fallback embed.FS

// Handler serves the upload page at / and what belongs to it beside it. Every other path is 404, and every method but GET and
// HEAD 405.
func Handler() http.Handler {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("web: dist is not in the binary: " + err.Error()) // the compiler has seen to that
	}
	h, err := newHandler(built, fallback)
	if err != nil {
		panic("web: embedded files cannot be read: " + err.Error())
	}
	return h
}

// handler serves a fixed set of files.
type handler struct {
	files fs.FS
	etags map[string]string // by path below the root; a path that is not here is not served
	index string            // what / is
}

// newHandler takes the built page if there is one, else the fallback.
func newHandler(built, fallback fs.FS) (*handler, error) {
	h := &handler{files: built, etags: map[string]string{}, index: "index.html"}
	if _, err := fs.Stat(built, h.index); errors.Is(err, fs.ErrNotExist) {
		h.files, h.index = fallback, "fallback.html"
	}
	err := fs.WalkDir(h.files, ".", func(name string, entry fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(path.Base(name), ".") && name != "."
		switch {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir() || hidden:
			return nil
		}
		h.etags[name], err = etag(h.files, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the page's files: %w", err)
	}
	return h, nil
}

// etag names the content, because embedded files have no date.
func etag(files fs.FS, name string) (string, error) {
	f, err := files.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return `"` + hex.EncodeToString(sum.Sum(nil)[:16]) + `"`, nil
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "+
		"img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are served here", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = h.index
	}
	tag, known := h.etags[name]
	if !known {
		http.NotFound(w, r)
		return
	}
	f, err := h.files.Open(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	content, seekable := f.(io.ReadSeeker)
	if !seekable {
		http.Error(w, "the file cannot be served", http.StatusInternalServerError)
		return
	}
	header.Set("ETag", tag)
	header.Set("Cache-Control", "no-cache") // may be kept, but is asked for each time: a new binary is a new page at once
	if byName := contentType(name); byName != "" {
		header.Set("Content-Type", byName)
	}
	http.ServeContent(w, r, name, time.Time{}, content)
}

// contentType does not ask the machine's own table for the types that a page is made of: it may be wrong or missing.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return mime.TypeByExtension(ext)
	}
}
