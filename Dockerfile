# docker build -t tfpagan .                                            on CPUs
# docker build -t tfpagan:gpu --build-arg EXTRAS='[gpu,ray]' .         on GPUs and clusters
# ... --build-arg PYTHON=3.12 --build-arg STACK=2.21 .                 on GPUs after Hopper, which TensorFlow 2.15 does not know
# docker run --rm -p 8501:8501 tfpagan serve --model=shapes --host=0.0.0.0
ARG PYTHON=3.11
FROM python:${PYTHON}-slim
ARG STACK=2.15
ARG EXTRAS=""
WORKDIR /tfpagan
COPY . .
RUN pip install --no-cache-dir -c constraints/tensorflow-${STACK}.txt ".${EXTRAS}"
WORKDIR /work
ENTRYPOINT ["tfpagan"]
CMD ["--help"]
