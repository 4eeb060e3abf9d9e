import Foundation
import HDF5
import TestSupport
import Testing

@Suite struct HDF5AttributeTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  @Test(arguments: [
    "keras3_sequential", "keras3_fixed_strings", "keras3_variable_strings", "tfkeras_sequential",
  ])
  func readsEveryFormOfString(_ name: String) throws {
    let file = try HDF5File(reading: Fixtures.path("keras/\(name).h5"))
    let config = try #require(try file.root.string(attribute: "model_config"))
    #expect(config.hasPrefix("{") && config.hasSuffix("}"))
    let weights = try file.group(at: "/model_weights")
    let layers = try weights.strings(attribute: "layer_names")
    #expect(layers.count > 3)
    #expect(layers.allSatisfy { weights.names.contains($0) })
  }

  /// An attribute of 16 bytes can point at any number of them.
  @Test func stringsAreLimitedByTheirBytes() throws {
    let path = folder.path("long.h5")
    let file = try HDF5File(creating: path)
    try file.root.setAttribute("long", to: String(repeating: "x", count: 1000))
    try file.root.setAttribute("list", to: [String](repeating: "xxxxx", count: 100))
    try file.close()
    var limits = HDF5Limits()
    limits.attributeBytes = 1600
    let root = try HDF5File(reading: path, limits: limits).root
    #expect(try root.string(attribute: "long")?.count == 1000)
    #expect(try root.strings(attribute: "list").count == 100)
    limits.attributeBytes = 999
    let error = #expect(throws: HDF5Error.self) { try HDF5File(reading: path, limits: limits) }
    #expect(error?.kind == .badInput)
    #expect(error?.description.contains("999") == true)
  }

  @Test func whatIsWrittenComesBack() throws {
    let path = folder.path("attributes.h5")
    let file = try HDF5File(creating: path)
    try file.root.setAttribute("text", to: "Grüße")
    try file.root.setAttribute("list", to: ["a", "", "c"])
    try file.root.setAttribute("none", to: [String]())
    try file.root.setAttribute("scale", to: [Float(0.5)])
    try file.root.setAttribute("offsets", to: [Float(1), -2, 3.25])
    try file.root.setAttribute("long", to: String(repeating: "x", count: 100_000))
    try file.close()
    let root = try HDF5File(reading: path).root
    #expect(
      try root.attributeNames() == ["list", "long", "none", "offsets", "scale", "text"])
    #expect(try root.string(attribute: "text") == "Grüße")
    #expect(try root.strings(attribute: "list") == ["a", "", "c"])
    #expect(try root.strings(attribute: "none").isEmpty)
    #expect(try root.numbers(attribute: "scale") == [0.5])
    #expect(try root.numbers(attribute: "offsets") == [1, -2, 3.25])
    #expect(try root.string(attribute: "long")?.count == 100_000)
    #expect(try root.string(attribute: "absent") == nil)
    #expect(throws: HDF5Error.self) { try root.string(attribute: "list") }
    #expect(throws: HDF5Error.self) { try root.strings(attribute: "scale") }
    #expect(throws: HDF5Error.self) { try root.numbers(attribute: "text") }
  }

  @Test(arguments: ["keras3_sequential", "keras3_fixed_strings", "keras3_big_endian"])
  func attributesAreCopiedAsTheyAre(_ name: String) throws {
    let source = try HDF5File(reading: Fixtures.path("keras/\(name).h5"))
    let path = folder.path("copy.h5")
    let file = try HDF5File(creating: path)
    try file.root.copyAttributes(from: source.root)
    let group = try file.root.createGroup("model_weights")
    try group.copyAttributes(from: source.group(at: "/model_weights"))
    try file.close()
    let copy = try HDF5File(reading: path)
    for object in ["/", "/model_weights"] {
      let (old, new) = (try source.group(at: object), try copy.group(at: object))
      #expect(try new.attributeNames() == old.attributeNames())
      for attribute in try old.attributeNames() {
        let (oldType, newType) = (
          try old.attributeType(attribute), try new.attributeType(attribute)
        )
        #expect(oldType.type == newType.type && oldType.shape == newType.shape)
        #expect(try new.strings(attribute: attribute) == old.strings(attribute: attribute))
      }
    }
  }

  @Test func messagesShowNoControlCharacters() {
    #expect(Quoted("a\u{1B}[31mb").description == "'a\\u{1b}[31mb'")
    #expect(Quoted(String(repeating: "x", count: 5000)).description.count < 1100)
  }
}
