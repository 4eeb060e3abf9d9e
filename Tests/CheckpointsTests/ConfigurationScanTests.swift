import Checkpoints
import Foundation
import ModelCore
import TestSupport
import Testing

@Suite struct ConfigurationScanTests {
  private func findings(_ text: String) -> [ConfigurationScan.Finding] {
    var scan = ConfigurationScan()
    scan.scan(text, named: "config")
    return scan.findings
  }

  private func rules(_ text: String) -> [String] { findings(text).map(\.rule.rawValue) }

  @Test(arguments: [
    (#"{"class_name": "Lambda", "config": {}}"#, ["lambda-layer"]),
    (#"{"class_name": "keras>Lambda"}"#, ["lambda-layer"]),
    (#"{"a": [{"b": {"class_name": "__lambda__"}}]}"#, ["serialized-code"]),
    (#"{"__lambda__": 1}"#, ["serialized-code"]),
    (#"{"function_type": "lambda"}"#, ["serialized-code"]),
    (#"{"class_name": "TorchModuleWrapper"}"#, ["foreign-model"]),
    (#"{"class_name": "TFSMLayer"}"#, ["foreign-model"]),
    (
      #"{"class_name": "TFOpLambda", "config": {"function": "io.read_file"}}"#, ["function-by-name"]
    ),
    (
      #"{"class_name": "function", "module": "builtins", "config": "x"}"#,
      ["function-by-name", "foreign-module"]
    ),
    (
      #"{"class_name": "function", "module": "keras.config", "config": "enable_unsafe_deserialization"}"#,
      ["function-by-name"]
    ),
    (#"{"class_name": "function", "module": "keras.src.losses.losses", "config": "mse"}"#, []),
    (#"{"module": "os", "class_name": "system"}"#, ["foreign-module"]),
    (#"{"module": "keras_evil.layers"}"#, ["foreign-module"]),
    (#"{"module": "keras.layers"}"#, []),
    (#"{"module": "keras"}"#, []),
    (#"{"module": ""}"#, ["foreign-module"]),
    (#"{"class_name": "Mine", "registered_name": "My>Mine"}"#, ["custom-object"]),
    (#"{"class_name": "My>Mine"}"#, ["custom-object"]),
    (#"{"class_name": "Custom>Adam"}"#, []),
    (#"{"class_name": "Custom>Evil"}"#, ["custom-object"]),
    (#"{"class_name": "Dense", "registered_name": null}"#, []),
    (#"{"vocabulary": "words.txt"}"#, ["file-path"]),
    (#"{"vocabulary": ["/etc/passwd", "http://", "the"]}"#, []),
    (#"{"oov_token": "[UNK]"}"#, []),
    (#"{"oov_token": "a/b"}"#, ["file-path"]),
    (#"{"vocab_file": "x"}"#, ["file-path"]),
    (#"{"filepath": "x.h5"}"#, ["file-path"]),
    (#"{"profile": "x"}"#, []),
    (#"{"anything": "/etc/passwd"}"#, ["file-path"]),
    (#"{"anything": "../up"}"#, ["file-path"]),
    (#"{"anything": "C:\\x"}"#, ["file-path"]),
    (#"{"equation": "ab,bc->ac"}"#, []),
    (#"{"x": "https://example.org/model"}"#, ["url"]),
    (#"{"x": ["deep", {"y": "gs://bucket"}]}"#, ["url"]),
    // Documents in documents.
    (#"{"x": "{\"class_name\": \"Lambda\"}"}"#, ["lambda-layer"]),
    (#"[1, 2"#, ["unreadable"]),
    (#"{"a": 1, "a": 2}"#, ["unreadable"]),
  ])
  func everyRuleFindsWhatItIsFor(_ text: String, expected: [String]) {
    #expect(rules(text) == expected)
  }

  @Test func aFindingSaysWhere() {
    let found = findings(
      #"{"config": {"layers": [{}, {"config": {"odd key": {"vocabulary": "/v.txt"}}}]}}"#)
    #expect(found.map(\.path) == [#"config.config.layers[1].config["odd key"].vocabulary"#])
    #expect(found.map(\.value) == ["/v.txt"])
  }

  /// Marshalled code of CPython 3.11 (`compile("1", "", "eval")`), and a pickle, both base64.
  @Test func codeIsKnownByItsBytes() {
    let code = "4wAAAAAAAAAAAAAAAAEAAAAAAAAA8wYAAACXAGQAUwA="
    let pickle = Data([0x80, 4] + Array(repeating: UInt8(ascii: "K"), count: 30) + [0x2E])
      .base64EncodedString()
    #expect(rules(#"{"code": "\#(code)"}"#) == ["serialized-code"])
    // As Python's base64 codec writes it, in lines.
    let lines = "\(code.prefix(20))\\n\(code.dropFirst(20))\\n"
    #expect(rules("[\"x\", \"\(lines)\"]") == ["serialized-code"])
    #expect(rules(#"{"state": "\#(pickle)"}"#) == ["serialized-code"])
    #expect(rules(#"{"name": "cccccccccccccccccccccccccccccccc"}"#) == [])
  }

  @Test func aLongValueIsShortened() {
    let found = findings(#"{"vocabulary": "\#(String(repeating: "é", count: 500))"}"#)
    #expect(found.first?.value.unicodeScalars.count == 80)
  }

  /// What Keras itself writes for plain layers is clean; what it writes for a Lambda is not.
  @Test func realFilesAreJudgedRightly() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Fixtures.path("keras"))
      .filter { $0.hasSuffix(".h5") && !$0.contains(".weights.") }
    #expect(names.count > 20)
    for name in names {
      let checkpoint = try Checkpoint(reading: Fixtures.path("keras/\(name)"))
      var scan = ConfigurationScan()
      for text in [checkpoint.modelConfig, try checkpoint.trainingConfig()] {
        if let text { scan.scan(text, named: "config") }
      }
      #expect(scan.findings.isEmpty == (name != "keras3_attention.h5"), "\(name): \(scan.findings)")
    }
  }
}
