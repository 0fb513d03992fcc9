// Package web serves the upload page and the operator's page from inside the binary.
//
// The pages are what `npm run build` makes of src and puts into dist, which holds only .keep in git. A binary that was built
// without them serves short pages that say so instead (fallback.html and operator.html, outside dist), so that the server always
// builds and always answers at its roots. Neither handler serves anything of the other's page.
//
// What it promises: only files that were built are served, never a listing, never a file whose name begins with a dot.
// Everything is in the binary, filled in once at start and compressed once when first asked for; so nothing here touches the
// disk, waits, or grows with use. No page may run what is not in the binary: the Content-Security-Policy allows no inline
// script or style and no other host, save the one that uploads are addressed by. A browser keeps a file whose name carries the
// hash of its content (assets/…) for ever, and asks for every other each time: a new binary is a new page at once.
package web

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

//go:embed all:dist
var dist embed.FS

//go:embed fallback.html fallback.css
var fallback embed.FS

// Options is what the page must know of its server.
type Options struct {
	Downloads bool  // whether finished uploads can be downloaded: the page links them
	MaxSize   int64 // bytes of the largest file that the server takes; 0: any. The page refuses larger ones itself
	Auth      bool  // whether the server asks for a Bearer token: the page then asks a person for it, and /whoami whose it is

	// Origin is scheme://host[:port] of the uploads' addresses where that may not be the page's own, as with --base-url: the
	// page may then speak with it, too. What is not such an origin, or cannot stand in a policy (an IPv6 address), is left out.
	Origin string
}

// origin is what a Content-Security-Policy takes for one host: a name that could hold more would add more to the policy.
var origin = regexp.MustCompile(`^https?://[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?(?::[0-9]{1,5})?$`)

// policy is the Content-Security-Policy of every answer.
func (o Options) policy() string {
	connect := "'self'"
	if origin.MatchString(o.Origin) {
		connect += " " + o.Origin
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
		"connect-src " + connect + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// Handler serves the upload page at / and what belongs to it beside it. Every other path is 404, and every method but GET and
// HEAD 405.
func Handler(o Options) http.Handler {
	return must(uploadSite(sub(dist, "dist"), fallback, o).handler())
}

func uploadSite(built, fallback fs.FS, o Options) site {
	return site{built: built, except: operatorFolder, fallback: fallback, fallbackIndex: "fallback.html", options: o, policy: o.policy()}
}

// site is a page with all that belongs to it.
type site struct {
	built         fs.FS  // the built page; without an index.html it is not there
	except        string // a folder of built that is another page
	fallback      fs.FS
	fallbackIndex string
	options       any    // what is filled into the index
	policy        string // Content-Security-Policy
}

// handler serves a fixed set of files.
type handler struct {
	files  map[string]file // by path below the root; a path that is not here is not served
	index  string          // what / is
	policy string          // Content-Security-Policy
}

// handler takes the built page if there is one, else the fallback.
func (s site) handler() (*handler, error) {
	source, index := s.built, "index.html"
	if _, err := fs.Stat(s.built, index); err != nil {
		source, index = s.fallback, s.fallbackIndex
	}
	h := &handler{files: map[string]file{}, index: index, policy: s.policy}
	err := fs.WalkDir(source, ".", func(name string, entry fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(path.Base(name), ".") && name != "." || name == s.except
		switch {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir() || hidden:
			return nil
		}
		content, err := fs.ReadFile(source, name)
		if err == nil && name == index {
			content, err = render(content, s.options)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		h.files[name] = newFile(name, content)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the page's files: %w", err)
	}
	return h, nil
}

// sub is a folder of the binary, which may be missing.
func sub(files fs.FS, folder string) fs.FS {
	below, err := fs.Sub(files, folder)
	if err != nil {
		panic("web: " + err.Error()) // only a malformed name
	}
	return below
}

func must(h *handler, err error) http.Handler {
	if err != nil {
		panic("web: embedded files cannot be served: " + err.Error()) // the tests of a build have seen to that
	}
	return h
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", h.policy)
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
	f, known := h.files[name]
	if !known {
		http.NotFound(w, r)
		return
	}
	header.Set("Cache-Control", f.cache)
	header.Set("Content-Type", f.contentType)
	header.Add("Vary", "Accept-Encoding")
	v := f.plain
	// A range counts bytes of the file, so it is not taken from the compressed form.
	if r.Header.Get("Range") == "" && acceptsGzip(r.Header) {
		if packed := f.packed(); packed.content != nil {
			v = packed
			header.Set("Content-Encoding", "gzip")
			header.Set("Content-Length", strconv.Itoa(len(v.content))) // ServeContent leaves it to us then
		}
	}
	header.Set("ETag", v.etag)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(v.content))
}
