internal import ModelCore
internal import OneDNN

/// Where a weight lives while the network computes.
struct ParameterSlot {
  /// How a kernel's Keras order maps to the layout it is computed in.
  enum Order {
    /// The same order, with zeros after the end.
    case vector
    /// A dense kernel `[I, O]`; `rows[i]` is where Keras's input `i` lies in a sample.
    case dense(rows: [Int32], inputs: Int, units: Int)
    /// A convolution's kernel, `[height, width, in, out]` in Keras.
    case convolution(KernelPadding)
  }

  let specification: ParameterSpecification
  let order: Order
  /// For kernels: the layout that forward, and with luck both backward steps, compute in.
  let layout: Layout?
  /// In `weights` and `gradients` if it is trainable, else in `statistics`; in floats.
  let offset: Int
  let count: Int
}

/// What a convolution's kernel is in a file, and with the channels that blocks are filled up with.
struct KernelPadding {
  /// Windows' pixels, and a group's channels in and out as the file has them.
  let taps: Int
  let inputs: Int
  let outputs: Int
  let groups: Int
  /// As they are computed.
  let problem: ConvolutionProblem
}

/// All weights of a network, in the layouts they are computed in.
///
/// Trainable weights are one run of floats, and so are their gradients, in the same order: an
/// optimizer is a single loop over both. Those of layers that training is to leave alone come
/// last. Padding is zero everywhere and stays so.
final class ParameterStore {
  let slots: [ParameterSlot]
  let weights: FloatArena
  let gradients: FloatArena
  /// How many of the weights, from the first, training moves.
  let movingCount: Int
  let statistics: FloatArena
  let processor: Processor
  /// Another number after every change of a weight or a statistic, so that what was made of them can
  /// be made again.
  private(set) var revision = 0
  private let positions: [ParameterName: Int]

  init(_ architecture: Architecture, graph: Graph, processor: Processor) throws {
    self.processor = processor
    let specifications = try architecture.parameterSpecifications()
    var builder = SlotBuilder(architecture, graph: graph, processor: processor)
    let isMoving = specifications.map { builder.trains($0.name.layer) }
    for (specification, moves) in zip(specifications, isMoving) where moves {
      try builder.add(specification)
    }
    movingCount = builder.weightCount
    for (specification, moves) in zip(specifications, isMoving) where !moves {
      try builder.add(specification)
    }
    slots = builder.slots(in: specifications)
    weights = FloatArena(count: builder.weightCount)
    gradients = FloatArena(count: builder.weightCount)
    statistics = FloatArena(count: builder.statisticCount)
    positions = Dictionary(
      uniqueKeysWithValues: slots.enumerated().map { ($1.specification.name, $0) })
  }

  /// To be called by whoever writes to `weights` or `statistics`, before anybody computes with them.
  func markChanged() { revision += 1 }

  func slot(_ layer: String, _ role: String) -> ParameterSlot? {
    positions[ParameterName(layer: layer, role: role)].map { slots[$0] }
  }

  func pointer(_ slot: ParameterSlot) -> UnsafeMutablePointer<Float> {
    (slot.specification.isTrainable ? weights : statistics).pointer(slot.offset)
  }

  /// The first weight with a NaN or an infinity in it, if any is.
  var firstNonFiniteWeight: ParameterName? {
    slots.first {
      UnsafeBufferPointer(start: UnsafePointer(pointer($0)), count: $0.count).firstNonFinite != nil
    }?.specification.name
  }

  /// - Precondition: the slot is trainable.
  func gradient(_ slot: ParameterSlot) -> UnsafeMutablePointer<Float> {
    precondition(slot.specification.isTrainable)
    return gradients.pointer(slot.offset)
  }
}

/// Gives every weight its layout and its place.
private struct SlotBuilder {
  let nodes: [String: Node]
  let processor: Processor
  private let frozen: Set<String>
  private var slots: [ParameterName: ParameterSlot] = [:]
  var weightCount = 0
  var statisticCount = 0

  init(_ architecture: Architecture, graph: Graph, processor: Processor) {
    self.processor = processor
    frozen = Set(architecture.layers.filter { !$0.isTrainable }.map(\.name))
    nodes = Dictionary(
      graph.nodes.filter(\.hasWeights).map { ("\($0.parameterLayer)/\($0.kernelRole)", $0) }
    ) { first, _ in first }
  }

  func trains(_ layer: String) -> Bool { !frozen.contains(layer) }

  func slots(in order: [ParameterSpecification]) -> [ParameterSlot] {
    order.compactMap { slots[$0.name] }
  }

  mutating func add(_ specification: ParameterSpecification) throws {
    let (order, layout) = try place(specification)
    let count =
      layout.map { $0.byteCount / MemoryLayout<Float>.stride }
      ?? roundedUp(specification.shape.elementCount)
    let offset = specification.isTrainable ? weightCount : statisticCount
    slots[specification.name] = ParameterSlot(
      specification: specification, order: order, layout: layout,
      offset: offset, count: count)
    if specification.isTrainable {
      weightCount += roundedUp(count)
    } else {
      statisticCount += roundedUp(count)
    }
  }

  /// To whole cache lines, which are also whole blocks of channels.
  private func roundedUp(_ count: Int) -> Int { (count + 15) / 16 * 16 }

  private func place(
    _ specification: ParameterSpecification
  ) throws -> (ParameterSlot.Order, Layout?) {
    // A layer that the output does not depend on keeps its weights as they are.
    guard let node = nodes[specification.name.description] else { return (.vector, nil) }
    switch node.work {
    case .dense(let dense):
      let form = node.inputs[0].form
      let used = specification.shape.dimensions[0]
      let rows = (0..<used).map { Int32(form.position(ofFlattened: $0)) }
      // Keras's order, with a row for every float of a sample, also for those that pad it.
      let layout = try Layout([dense.units, form.elementCount], .io)
      return (.dense(rows: rows, inputs: form.elementCount, units: dense.units), layout)
    case .convolution(let convolution, let border) where !node.form.isInterleaved:
      let problem = ConvolutionProblem(convolution, border: border, node: node)
      return try place(specification, problem, groups: node.groups)
    case .transposedConvolution(let convolution):
      return try place(
        specification, ConvolutionProblem(adjointOf: convolution, node: node), groups: 1)
    // Our own loops read Keras's order.
    default: return (.vector, nil)
    }
  }

  private func place(
    _ specification: ParameterSpecification, _ problem: ConvolutionProblem, groups: Int
  ) throws -> (ParameterSlot.Order, Layout?) {
    let kernel = KernelPadding(
      taps: problem.kernel.height * problem.kernel.width,
      inputs: problem.source.channels / groups, outputs: problem.destination.channels / groups,
      groups: groups, problem: problem)
    return (.convolution(kernel), try processor.convolutionLayout(problem))
  }
}

extension Node {
  /// Whether it has a kernel or something else that it may share.
  var hasWeights: Bool {
    switch work {
    case .dense, .convolution, .transposedConvolution, .normalization: true
    default: false
    }
  }
}
