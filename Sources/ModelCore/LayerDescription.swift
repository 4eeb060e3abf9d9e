/// A layer as a file describes it: enough to list and compare, whether or not it can be run.
public struct LayerDescription: Hashable, Sendable {
  /// Unique in its model; `outer/inner` inside a layer of layers.
  public let name: String
  public let className: String
  /// Its settings, without its name and the layers inside it.
  public let config: JSONValue
  /// The layers that feed it.
  public let inputs: [String]

  public init(name: String, className: String, config: JSONValue, inputs: [String]) {
    self.name = name
    self.className = className
    self.config = config
    self.inputs = inputs
  }
}
