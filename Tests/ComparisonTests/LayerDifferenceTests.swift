import Comparison
import ModelCore
import Testing

@Suite struct LayerDifferenceTests {
  private func layer(
    _ name: String, _ className: String = "Dense", _ config: String = "{}", inputs: [String] = []
  ) throws -> LayerDescription {
    LayerDescription(
      name: name, className: className, config: try JSONValue(parsing: config), inputs: inputs)
  }

  @Test func fieldsAreComparedAtAnyDepth() throws {
    let before = try JSONValue(parsing: #"{"a": 1, "b": {"c": [1, 2]}, "d": [1], "gone": null}"#)
    let after = try JSONValue(parsing: #"{"a": 1.0, "b": {"c": [1, 3]}, "d": [1, 2], "new": 4}"#)
    let found = FieldDifference.all(from: before, to: after)
    #expect(found.map(\.path) == ["b.c[1]", "d", "gone", "new"])
    #expect(found[0].before == .integer(2) && found[0].after == .integer(3))
    #expect(found[2].before == .null && found[2].after == nil)
    #expect(found[3].before == nil && found[3].after == .integer(4))
    #expect(FieldDifference.all(from: before, to: before).isEmpty)
    #expect(FieldDifference.all(from: nil, to: before).map(\.path) == [""])
  }

  @Test func layersArePairedByName() throws {
    let found = LayerDifference.all(
      from: [
        try layer("a"), try layer("b", "Dense", #"{"units": 3}"#), try layer("c"),
        try layer("d", inputs: ["a"]),
      ],
      to: [
        try layer("c", "Conv2D"), try layer("a"), try layer("b", "Dense", #"{"units": 4}"#),
        try layer("e"), try layer("d", inputs: ["c"]),
      ], commonFieldsOnly: false)
    #expect(found.map(\.name) == ["b", "c", "d", "e"])
    #expect(found[0].fields == [.init(path: "units", before: .integer(3), after: .integer(4))])
    #expect(found[1].before == "Dense" && found[1].after == "Conv2D")
    #expect(found[2].fields.map(\.path) == ["inputs[0]"])
    #expect(found[3].before == nil && found[3].after == "Dense")
  }

  @Test func fieldsOfOneVersionCanBeLeftOut() throws {
    let old = [try layer("a", "Dense", #"{"units": 3, "sparse": false}"#)]
    let new = [try layer("a", "Dense", #"{"units": 3, "quantization": null}"#)]
    #expect(LayerDifference.all(from: old, to: new, commonFieldsOnly: true).isEmpty)
    #expect(
      LayerDifference.all(from: old, to: new, commonFieldsOnly: false)[0].fields.map(\.path)
        == ["quantization", "sparse"])
  }
}
