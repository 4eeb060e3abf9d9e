import Checkpoints
import ModelCore
import TestSupport
import Testing

@Suite struct KerasLayerListingTests {
  private func listing(_ fixture: String) throws -> KerasLayerListing {
    let text = try #require(try Checkpoint(reading: Fixtures.path(fixture)).modelConfig)
    return try KerasLayerListing(parsing: text)
  }

  @Test func layersInsideLayersAreListed() throws {
    let names = try listing("keras/keras3_nested.h5").layers.map(\.name)
    #expect(
      names == ["image", "base", "base/base_image", "base/base_conv", "base/base_bn"]
        + names.dropFirst(5))
    #expect(names.contains("shared") && names.contains("head"))
  }

  /// Both versions of Keras wrote the same network, each in its own words.
  @Test func versionsOfKerasDifferInNoNameOrClass() throws {
    let (old, new) = (
      try listing("networks/lenet/keras2.h5"), try listing("networks/lenet/keras3.h5")
    )
    #expect(old.layers.map(\.name) == new.layers.map(\.name))
    #expect(old.layers.map(\.className) == new.layers.map(\.className))
    #expect(old.layers.map(\.inputs) == new.layers.map(\.inputs))
    #expect(old.layers[0].config["batch_shape"] == new.layers[0].config["batch_shape"])
    #expect(old.layers[1].config["dtype"] == new.layers[1].config["dtype"])
  }

  @Test func aSequentialModelsLayersFollowEachOther() throws {
    let json = """
      {"class_name": "Sequential", "config": [
        {"class_name": "Dense", "config": {"name": "a"}},
        {"class_name": "Mine", "module": "mine", "config": {"name": "b"}}]}
      """
    let layers = try KerasLayerListing(parsing: json).layers
    #expect(layers.map(\.inputs) == [[], ["a"]])
    #expect(layers.map(\.className) == ["Dense", "Mine"])
    #expect(layers[1].config["module"] == .string("mine"))
  }

  @Test(arguments: ["[]", "{}", #"{"config": 3}"#, #"{"config": {"layers": [1, null]}}"#])
  func oddDocumentsHaveNoOrOddLayers(_ text: String) throws {
    #expect(try KerasLayerListing(parsing: text).layers.allSatisfy { $0.className == "?" })
  }
}
