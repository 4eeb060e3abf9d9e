import Comparison
import Testing

@Suite struct NamePairingTests {
  private func text(_ pairing: NamePairing) -> [String] {
    pairing.pairs.map { "\($0.first)-\($0.second) \($0.reason.rawValue)" }
  }

  @Test func keras2Keras3AndAnExportAreOneModel() {
    let names = [
      ["dense/kernel:0", "dense/bias:0", "lstm/lstm_cell/kernel:0"],
      ["dense/kernel", "dense/bias", "lstm/lstm_cell/kernel"],
      ["lstm/kernel", "dense/kernel", "dense/bias"],
      ["dense.bias", "dense.kernel", "lstm.lstm_cell.kernel"],
    ]
    for first in names {
      for second in names {
        let pairing = NamePairing(first, second)
        #expect(pairing.pairs.count == 3)
        #expect(pairing.removed.isEmpty && pairing.added.isEmpty)
        #expect(pairing.pairs.map(\.first) == [0, 1, 2])
      }
    }
  }

  /// The short form of two weights of one layer may be the same; then it says nothing.
  @Test func anAmbiguousShortFormPairsNothing() {
    let pairing = NamePairing(
      ["attention/query/kernel", "attention/key/kernel"], ["attention/kernel"])
    #expect(pairing.pairs.isEmpty)
    #expect(pairing.removed == [0, 1] && pairing.added == [0])
  }

  @Test func aPlaceInTheNetworkGoesBeforeNames() {
    typealias Label = NamePairing.Label
    let inner = Label("a/b/kernel", place: ["a", "b", "kernel"])
    let outer = Label("a/b/kernel", place: ["a/b", "kernel"])
    #expect(text(NamePairing([inner, outer], [outer, inner])) == ["0-1 name", "1-0 name"])
    let numbered = Label("dense/kernel", place: ["head", "kernel"])
    #expect(
      text(NamePairing([numbered], [Label("top/kernel", place: ["head", "kernel"])]))
        == ["0-0 name"])
    // What one file alone knows tells nothing, and equal names are not told apart by it.
    #expect(NamePairing([inner, outer], [Label("a/b/kernel"), Label("a/b/kernel")]).pairs.isEmpty)
  }

  @Test func anotherConventionalNamePairsWhatNothingElseDoes() {
    typealias Label = NamePairing.Label
    let new = Label("dw/kernel", otherName: "dw/depthwise_kernel")
    let old = Label("dw/depthwise_kernel")
    #expect(text(NamePairing([new], [old])) == ["0-0 name"])
    #expect(text(NamePairing([old], [new])) == ["0-0 name"])
    #expect(text(NamePairing([new], [old, Label("dw/kernel")])) == ["0-1 name"])
    #expect(NamePairing([Label("dw/kernel")], [old]).pairs.isEmpty)
  }

  /// A file of a class that Keras does not know numbers its variables in the order of their names' list.
  @Test func numberedVariablesArePairedByPlace() {
    let pairing = NamePairing(
      ["own/scale", "own/shift", "out/bias"], ["own/0", "own/1", "out/bias"])
    #expect(text(pairing) == ["0-0 name", "1-1 name", "2-2 name"])
    let others = NamePairing(["own/scale", "own/shift"], ["own/0", "own/2"])
    #expect(others.pairs.isEmpty)
    #expect(NamePairing(["own/scale"], ["own/0", "own/1"]).pairs.isEmpty)
  }

  @Test func whatIsLeftIsPairedByContentInOrder() {
    var pairing = NamePairing(
      ["a/kernel", "b/bias", "c/bias", "d/x"], ["a/kernel", "f/bias", "e/bias"])
    pairing.pairByContent({ ["k", "zeros", "zeros", nil][$0] }, { ["k", "zeros", "zeros"][$0] })
    #expect(text(pairing) == ["0-0 name", "1-1 content", "2-2 content"])
    #expect(pairing.removed == [3] && pairing.added.isEmpty)
  }

  @Test func aMapNamesTensorsOrLayers() {
    let pairing = NamePairing(
      ["dense/kernel:0", "dense/bias:0", "head/kernel:0"],
      ["dense_7/kernel", "dense_7/bias", "top/weights"],
      map: [("dense", "dense_7"), ("head/kernel", "top/weights")])
    #expect(text(pairing) == ["0-0 map", "1-1 map", "2-2 map"])
    #expect(pairing.unusedMappings.isEmpty)
  }

  @Test func aMapThatNamesNothingIsTold() {
    let pairing = NamePairing(["a/kernel"], ["a/kernel"], map: [("b", "c")])
    #expect(pairing.unusedMappings == ["b=c"])
    #expect(text(pairing) == ["0-0 name"])
  }

  @Test func namesThatOccurTwiceArePairedByNobody() {
    let pairing = NamePairing(["x", "x"], ["x"])
    #expect(pairing.pairs.isEmpty && pairing.removed.count == 2 && pairing.added.count == 1)
  }
}
