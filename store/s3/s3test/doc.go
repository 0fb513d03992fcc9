// Package s3test gives tests an S3 server and makes it fail at exactly the call that they choose. It is for tests only, and
// knows S3 as any client sees it: by HTTP.
//
// A Gateway is a versitygw (its "posix" backend: a bucket is a folder, an object a file) in a process of its own, on loopback and
// in a folder of the test. It can be killed and started again over the same folder and port, and stopped in its tracks. It ends
// with its test, and on Linux also with the test's process, however that ends. What it does not have: it never calls fsync, so
// a kill of it is fair and a power cut is not; and if it dies inside of CompleteMultipartUpload the upload is lost, which is a
// fault of versitygw, not of whoever called it. And when it refuses a large body it doesn't read that first: half of the time the
// client sees its connection reset in place of the answer (a 412 to 8 MiB, for example; with 256 KiB it was never seen).
//
// A Proxy stands between a client and the gateway. It knows S3's operations by method, query and headers, counts them, and asks
// the test what is to become of each call before it is forwarded (Proxy.On). Signatures hold, since the Host header is passed on
// as it came. Bodies are passed on as they come, and never kept. The gateway's answer follows when the body has been sent,
// and always reaches the client, unless a fault says otherwise. Each call has its own connection to the gateway.
//
// The program is built by "make e2e/s3/bin/versitygw"; PLATEAU_VERSITYGW names another one. A test that finds none skips and says
// so (also to the file that PLATEAU_E2E_MISSING names); with CI=true it fails.
package s3test
