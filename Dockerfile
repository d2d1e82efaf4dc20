# docker build -t tfpagan .                                            on CPUs
# docker build -t tfpagan:gpu --build-arg EXTRAS='[gpu,ray]' .         on GPUs and clusters
# docker run --rm -p 8501:8501 tfpagan serve --model=shapes --host=0.0.0.0
FROM python:3.11-slim
ARG EXTRAS=""
WORKDIR /tfpagan
COPY . .
RUN pip install --no-cache-dir -c constraints/tensorflow-2.15.txt ".${EXTRAS}"
WORKDIR /work
ENTRYPOINT ["tfpagan"]
CMD ["--help"]
