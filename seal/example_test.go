package seal_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/tilltape/tilltape/seal"
)

// shelf is the least that a store keeps for its seal: the records, and the tiles that became full.
type shelf struct {
	records []string
	tiles   map[string][]byte
}

func (s *shelf) Tile(level int, index uint64) ([]byte, error) {
	b, found := s.tiles[fmt.Sprint(level, "/", index)]
	if !found {
		return nil, errors.New("not on the shelf")
	}
	return b, nil
}

func (s *shelf) Leaf(n uint64) (seal.Hash, error) { return seal.LeafHash([]byte(s.records[n])), nil }

// fill puts the records on the shelf, as a store's commits do, and returns the tree.
func (s *shelf) fill(records ...string) *seal.Tree {
	var tree seal.Tree
	s.tiles = map[string][]byte{}
	for _, record := range records {
		s.records = append(s.records, record)
		tree.Append(seal.LeafHash([]byte(record)))
	}
	for _, tile := range tree.Full() {
		b, err := tile.AppendBinary(nil)
		must(err)
		s.tiles[fmt.Sprint(tile.Level, "/", tile.Index)] = b
	}
	return &tree
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func Example() {
	var store shelf
	tree := store.fill("order 1 placed", "order 1 paid", "order 2 placed")

	signerKey, verifierKey := fixedKeys("shop.example/orders", 0) // in a program: once, seal.GenerateKey
	signer, err := seal.NewSigner(signerKey)
	must(err)
	signed, err := signer.Sign(seal.Checkpoint{Origin: "shop.example/orders", Size: tree.Size(), Root: tree.Root()})
	must(err)
	proof, err := seal.Prove(&store, signed, 1, signer.Verifier())
	must(err)

	// The auditor has the proof, one record and the public key.
	verifier, err := seal.NewVerifier(verifierKey)
	must(err)
	checkpoint, err := proof.Verify([]byte("order 1 paid"), verifier)
	must(err)
	fmt.Println("proven: record", proof.Index, "of", checkpoint.Size, "in", checkpoint.Origin)
	_, err = proof.Verify([]byte("order 1 paid twice"), verifier)
	fmt.Println(errors.Is(err, seal.ErrProof))
	// Output:
	// proven: record 1 of 3 in shop.example/orders
	// true
}

func ExampleTree() {
	var tree seal.Tree
	saved := tree.Clone() // what to go back to if the commit fails
	for n := range 300 {
		tree.Append(seal.LeafHash(fmt.Appendf(nil, "record %d", n)))
	}
	for _, tile := range tree.Full() {
		fmt.Println("write tile", tile.Level, tile.Index)
	}
	fmt.Println("write", len(tree.AppendFrontier(nil)), "bytes of frontier for", tree.Size(), "records")
	tree.CopyFrom(saved)
	fmt.Println("taken back to", tree.Size())
	// Output:
	// write tile 0 0
	// write 136 bytes of frontier for 300 records
	// taken back to 0
}

func ExampleLoad() {
	var store shelf
	tree := store.fill("one", "two", "three")
	frontier := tree.AppendFrontier(nil)

	loaded, err := seal.Load(frontier, &store)
	must(err)
	fmt.Println(loaded.Size(), loaded.Root() == tree.Root())

	store.records[2] = "four"
	_, err = seal.Load(frontier, &store)
	fmt.Println(err)
	// Output:
	// 3 true
	// damaged seal: frontier of 3 records is not what the records at positions 3 to 3, or their tiles, give; verify the log, and restore it from a backup that an anchored checkpoint proves
}

func ExampleVerifyConsistency() {
	var store shelf
	store.fill("one", "two", "three", "four", "five")
	old, err := seal.RootAt(&store, 3) // in an audit: from a checkpoint that was anchored then
	must(err)
	now, err := seal.RootAt(&store, 5)
	must(err)
	proof, err := seal.ProveConsistency(&store, 3, 5)
	must(err)
	fmt.Println("continued:", seal.VerifyConsistency(proof, 3, old, 5, now) == nil)

	store.records[0] = "zero"
	rewritten, err := seal.RootAt(&store, 5)
	must(err)
	proof, err = seal.ProveConsistency(&store, 3, 5)
	must(err)
	fmt.Println("rewritten:", seal.VerifyConsistency(proof, 3, old, 5, rewritten) == nil)
	// Output:
	// continued: true
	// rewritten: false
}

func ExampleVerifyInclusion() {
	var store shelf
	tree := store.fill("one", "two", "three")
	proof, err := seal.ProveInclusion(&store, 3, 2)
	must(err)
	fmt.Println(len(proof), seal.VerifyInclusion(proof, 3, tree.Root(), 2, seal.LeafHash([]byte("three"))))
	// Output: 1 <nil>
}

func ExampleOpen() {
	signerKey, _ := fixedKeys("shop.example/orders", 0)
	signer, err := seal.NewSigner(signerKey)
	must(err)
	signed, err := signer.Sign(seal.Checkpoint{Origin: "shop.example/orders", Size: 12, Root: seal.LeafHash(nil)})
	must(err)
	fmt.Print(string(signed))

	checkpoint, err := seal.Open(signed, signer.Verifier())
	fmt.Println(checkpoint.Size, err)
	_, err = seal.Open([]byte(strings.Replace(string(signed), "12", "13", 1)), signer.Verifier())
	fmt.Println(errors.Is(err, seal.ErrSignature))
	// Output:
	// shop.example/orders
	// 12
	// bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=
	//
	// — shop.example/orders 2PCkfpe/R+O+Bp/y84P/EO93cCo+JHKoYVQLUx+Uat8Gn1vpV+siNf1YYpocSuHHGJQk7npZyLsfPtA29y1irr5u0AU=
	// 12 <nil>
	// true
}

func ExampleNewOrigin() {
	origin, err := seal.NewOrigin("shop.example/orders", [16]byte{0x3f, 0x2a, 0x9c}) // in a program: from crypto/rand
	fmt.Println(origin, err)
	_, err = seal.NewOrigin("my orders", [16]byte{1})
	fmt.Println(err)
	// Output:
	// shop.example/orders/3f2a9c00000000000000000000000000 <nil>
	// origin name has a character at byte 2 that no name can have; use printable ASCII without space and plus
}

func ExampleParseProof() {
	var store shelf
	tree := store.fill("one", "two")
	signerKey, _ := fixedKeys("log", 0)
	signer, err := seal.NewSigner(signerKey)
	must(err)
	signed, err := signer.Sign(seal.Checkpoint{Origin: "log", Size: 2, Root: tree.Root()})
	must(err)
	proof, err := seal.Prove(&store, signed, 0, signer.Verifier())
	must(err)
	file, err := proof.AppendText(nil)
	must(err)

	read, err := seal.ParseProof(file)
	must(err)
	_, err = read.Verify([]byte("one"), signer.Verifier())
	fmt.Println("record", read.Index, err)
	// Output: record 0 <nil>
}

func ExampleTile_Path() {
	full := make([]seal.Hash, seal.TileWidth)
	fmt.Println(seal.Tile{Index: 1234, Hashes: full}.Path())
	fmt.Println(seal.Tile{Level: 1, Index: 4, Hashes: full[:12]}.Path())
	fmt.Println(seal.EntriesPath(1234, seal.TileWidth))
	// Output:
	// tile/0/x001/234
	// tile/1/004.p/12
	// tile/entries/x001/234
}

func ExampleTree_Edge() {
	var store shelf
	tree := store.fill(make([]string, 300)...)
	for _, tile := range tree.Edge() {
		fmt.Println(tile.Path())
	}
	// Output:
	// tile/0/001.p/44
	// tile/1/000.p/1
}

func ExampleAnchors() {
	folder, err := os.MkdirTemp("", "anchor")
	must(err)
	defer os.RemoveAll(folder)
	signerKey, _ := fixedKeys("log", 0)
	signer, err := seal.NewSigner(signerKey)
	must(err)
	signed, err := signer.Sign(seal.Checkpoint{Origin: "log", Size: 12})
	must(err)

	var page strings.Builder
	anchor := seal.Anchors(seal.FileAnchor(filepath.Join(folder, "checkpoints")), seal.PageAnchor(&page))
	fmt.Println(anchor(context.Background(), signed))
	before, _, _ := strings.Cut(page.String(), "\nThe root")
	fmt.Print(before)
	// Output:
	// <nil>
	// CHECKPOINT OF A PAYMENT LOG
	//
	// Log      log
	// Records  12
	// Root
	//
	//     1.  0000  0000  0000  0000
	//     2.  0000  0000  0000  0000
	//     3.  0000  0000  0000  0000
	//     4.  0000  0000  0000  0000
}

func ExampleHTTPAnchor() {
	_, err := seal.HTTPAnchor(nil, "anchor.example")
	fmt.Println(err)
	// Output: anchor address is no "https://host/path"; pass a whole one
}

// Who is asked for a root alone keeps no tiles.
func ExampleTree_Fold() {
	var tree seal.Tree
	for _, record := range []string{"order 1 placed", "order 1 paid"} {
		tree.Fold(seal.LeafHash([]byte(record)))
	}
	fmt.Println(tree.Size(), tree.Root())
	// Output:
	// 2 FTFRnsbURNQeKMNjw2UQCdnvyEtz8QpTwdKSN0mVV8E=
}
